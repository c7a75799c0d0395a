internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import ParleyText
internal import ParleyTransport
internal import WebSocketProtocol

/// The relay: `/relay/{topic}`, or `/relay` for an echo.
struct RelayEndpoint: WebSocketEndpoint {
    /// Who may connect.
    enum Access: Sendable {
        case closed
        case open
        /// A session token whose `roomId` is the topic, or `*`.
        case token(any Authenticator)
    }

    static let path = "/relay"
    static let maximumTopicBytes = 256
    /// What the echo takes, at least. Nobody else hears it, so that it may be generous; conformance suites send as much.
    static let minimumEchoMessageBytes = 16 << 20

    let profile: ConnectionProfile
    var dialect: DialectName? { self.profile.dialect }
    /// For connections without a topic.
    let echoProfile: ConnectionProfile
    let access: Access
    /// Whether a token's `host` claim must be the request's Host.
    let checksHost: Bool
    let compression: PerMessageDeflatePolicy?
    let wallTime: @Sendable () -> WallTime

    func refusal(for request: UpgradeRequest) -> Refusal? {
        if case .closed = self.access { return .relayClosed }
        return Self.topic(of: request) == nil ? .relayTopic : nil
    }

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        guard let topic = Self.topic(of: request) else { return .refuse(.relayTopic) }
        switch self.access {
        case .closed:
            return .refuse(.relayClosed)
        case .open:
            return self.accept(request, topic, name: nil, expiry: nil)
        case .token(let authenticator):
            guard let token = request.query["token"], !token.isEmpty else { return .refuse(.relayToken) }
            return .pending(
                eventLoop.makeFutureWithTask {
                    guard let claims = try? await authenticator.verify(token), claims.isWellFormed,
                        claims.roomID == "*" || claims.roomID == TopicName(topic),
                        !self.checksHost || claims.isFor(host: request.header("Host"))
                    else { return .refuse(.relayToken) }
                    return self.accept(request, topic, name: claims.userID.value, expiry: claims.expiresAt)
                }
            )
        }
    }

    private func accept(_ request: UpgradeRequest, _ topic: String, name: String?, expiry: WallTime?) -> Admission {
        let name = name ?? request.query["name"].flatMap { SessionClaims.isIdentifier($0) ? $0 : nil } ?? "guest"
        let join = topic.isEmpty ? nil : JoinRequest(topic: TopicName(topic), memberID: name, memberName: name)
        let dialect = RelayDialect(join: join, includesSender: request.query["echo"] != "false")
        return .accept(
            Acceptance(
                profile: topic.isEmpty ? self.echoProfile : self.profile,
                dialect: dialect,
                tokenExpiry: expiry.map { ($0, self.wallTime()) }
            )
        )
    }

    /// - Returns: The topic, empty for an echo; `nil` when the path names none that may be.
    private static func topic(of request: UpgradeRequest) -> String? {
        guard request.path.isAtOrBelow(Self.path), let name = request.path.rest(after: Self.path),
            let topic = PercentEncoding.decode(name.dropFirst()),
            topic.utf8.count <= Self.maximumTopicBytes
        else { return nil }
        return topic
    }
}
