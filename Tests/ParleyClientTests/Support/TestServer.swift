import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// A WebSocket server in this process, on a free port, that does what the path of the request says: see ``TestBehaviour``.
struct TestServer {
    let port: Int
    let isSecure: Bool
    private let channel: any Channel

    /// Starts a server, calls `body` with it, and stops it.
    static func with(tls: NIOSSLContext? = nil, _ body: (TestServer) async throws -> Void) async throws {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(TestServerHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = TestServer(port: channel.localAddress?.port ?? 0, isSecure: tls != nil, channel: channel)
        let result: Result<Void, any Error>
        do {
            try await body(server)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await channel.close()
        try result.get()
    }

    func url(_ target: String, host: String = "127.0.0.1") -> String {
        "\(self.isSecure ? "wss" : "ws")://\(host):\(self.port)\(target)"
    }
}

/// What a ``TestServer`` does on a path.
enum TestBehaviour: String {
    /// Sends everything back, compressed if that was offered, and picks the first subprotocol.
    case echo
    /// Answers 403 with a header field and a body.
    case refuse
    /// Answers 302.
    case redirect
    /// Answers 101 with the accept value of another key.
    case wrongAccept = "wrong-accept"
    /// Answers in something that is not HTTP.
    case garbage
    /// Answers nothing at all, neither to the handshake…
    case silent
    /// …nor to pings and close frames.
    case mute
    /// Sends a message in three frames, with a ping between them.
    case fragments
    /// Sends a message and a close frame together with the handshake, and is gone.
    case hasty
    /// Closes with 4001 `enough` at the first message.
    case closing
    /// Ends the connection without a close frame at the first message.
    case dropping
    /// Sends a frame with a reserved opcode.
    case wrong
    /// Sends as many messages as the first message says, numbered.
    case flood
    /// Says how many bytes each message took on the wire.
    case wire
    /// Says what the request asked for.
    case target
}
