import Foundation
import Logging
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
        let logger = Logger(label: "transcripts") { _ in SwiftLogNoOpLogHandler() }
        let server = try await ParleyServer.start(Self.configuration(authenticator), logger: logger)
        let result: Result<Void, any Error>
        do {
            let port = try #require(server.addresses.first { $0.kind == .frontDoor }).port
            try await body("ws://127.0.0.1:\(port)") { authenticator.issue(SessionClaims(userID: $0, roomID: $1)) }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await server.shutDown()
        try result.get()
    }

    private static func configuration(_ authenticator: MemoryAuthenticator) -> ServerConfiguration {
        var configuration = ServerConfiguration {
            WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        }
        configuration.listeners = [.init(.frontDoor, port: 0, setting: "PARLEY_PORT")]
        configuration.host = "127.0.0.1"
        configuration.eventLoops = 2
        configuration.sessionChat.authenticator = authenticator
        configuration.relay.access = .open
        return configuration
    }
}
