internal import NIOCore
internal import NIOHTTP1
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import ParleyTransport

/// Session chat: any path, a session token in the query.
struct SessionChatEndpoint: WebSocketEndpoint {
    let profile: ConnectionProfile
    var dialect: DialectName? { self.profile.dialect }
    let configuration: SessionChatConfiguration
    let authenticator: any Authenticator
    /// Whether a token's `host` claim must be the request's Host.
    let checksHost: Bool
    let roomLimit: TopicLimit
    let wallTime: @Sendable () -> WallTime

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        guard let token = request.query["token"], !token.isEmpty else { return .refuse(.badToken) }
        return .pending(
            eventLoop.makeFutureWithTask {
                guard let claims = try? await self.authenticator.verify(token) else { return .refuse(.badToken) }
                return self.admit(claims, host: request.header("Host"))
            }
        )
    }

    private func admit(_ claims: SessionClaims, host: String?) -> Admission {
        guard claims.isWellFormed, let topic = claims.roomID else { return .refuse(.badToken) }
        guard !self.checksHost || claims.isFor(host: host) else { return .refuse(.badToken) }
        guard !self.roomLimit.isExhausted(for: topic) else { return .refuse(.tooManyRooms) }
        let dialect = SessionChatDialect(userID: claims.userID, room: topic, configuration: self.configuration)
        return .accept(
            Acceptance(
                profile: self.profile,
                dialect: dialect,
                tokenExpiry: claims.expiresAt.map { ($0, self.wallTime()) }
            )
        )
    }
}
