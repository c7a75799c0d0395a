import Foundation
import Logging
import ParleyDialects
import ParleyGateway
import ParleyHub
import ParleyModel
import ParleyServer
import Testing

/// The server that transcripts run against: in this process, on a free port, with everything at its default but what
/// `configuration(_:)` says.
enum TranscriptServer {
    typealias TokenMaker = @Sendable (_ user: String, _ room: String) async throws -> String

    /// Starts a server, calls `body` with its address and a maker of session tokens, and stops it.
    static func withServer(_ body: (_ baseURL: String, @escaping TokenMaker) async throws -> Void) async throws {
        let authenticator = MemoryAuthenticator()
        let sessions = MemorySessionStore()
        let logger = Logger(label: "transcripts") { _ in SwiftLogNoOpLogHandler() }
        let server = try await ParleyServer.start(Self.configuration(authenticator, sessions), logger: logger)
        let result: Result<Void, any Error>
        do {
            let port = try #require(server.addresses.first { $0.kind == .frontDoor }).port
            try await body("ws://127.0.0.1:\(port)") { user, room in
                room == "@gateway"
                    ? try Self.session(of: user, in: sessions)
                    : authenticator.issue(SessionClaims(userID: UserID(user), roomID: TopicName(room)))
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.shutDown()
        try result.get()
    }

    /// The token of a gateway session; `anonymous` is nobody in particular.
    private static func session(of user: String, in sessions: MemorySessionStore) throws -> String {
        var random = SystemRandomNumberGenerator()
        let token = GatewayToken.make(using: &random)
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        try sessions.create(
            GatewaySession(
                token: token,
                userID: user == "anonymous" ? nil : UserID(user),
                isLoggedIn: user != "anonymous",
                createdAt: now,
                expiresAt: WallTime(milliseconds: now.milliseconds + 3_600_000)
            )
        )
        return token
    }

    private static func configuration(
        _ authenticator: MemoryAuthenticator,
        _ sessions: MemorySessionStore
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration {
            WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        }
        configuration.listeners = [.init(.frontDoor, port: 0, setting: "PARLEY_PORT")]
        configuration.host = "127.0.0.1"
        configuration.eventLoops = 2
        configuration.sessionChat.authenticator = authenticator
        configuration.relay.access = .open
        configuration.gateway.sessions = sessions
        configuration.gateway.chat = Parrot()
        return configuration
    }
}

/// An AI that always says the same.
private struct Parrot: ChatProvider {
    var name: String { "parrot" }

    func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            for word in ["Hello ", "there"] { continuation.yield(word) }
            continuation.finish()
        }
    }
}
