import AsyncHTTPClient
import EngineIO
import NIOCore
import NIOHTTP1
import ParleySocketIO
import SocketIO
import Synchronization
import Testing

/// A client that has stopped polling, and comes back.
@Suite("A client that is sent more than it fetches")
struct SlowConsumerTests {
    private static let separator = "\u{1e}"

    /// A session of the client, over polling.
    private struct Session {
        let url: String
        private(set) var target = ""

        init(_ url: String) async throws {
            self.url = url
            let open = try await Self.request(.GET, url)
            let sid = open.split(separator: "\"")[3]
            self.target = "\(url)&sid=\(sid)"
        }

        func post(_ body: String) async throws { _ = try await Self.request(.POST, self.target, body) }
        func poll() async throws -> String { try await Self.request(.GET, self.target) }

        private static func request(_ method: HTTPMethod, _ url: String, _ body: String? = nil) async throws -> String {
            var request = HTTPClientRequest(url: url)
            request.method = method
            if let body { request.body = .bytes(ByteBuffer(string: body)) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            return String(buffer: try await response.body.collect(upTo: 1 << 24))
        }
    }

    @Test("It is closed after a while, told why when it polls again, and gets from the log what it did not read")
    func recovery() async throws {
        var configuration = SocketIOConfiguration()
        configuration.recovery = .enabled()
        configuration.maximumQueuedBytes = 10_000
        // Long enough for the client that comes back to be no slow one.
        configuration.stallTime = .seconds(3)
        // However slow the machine is, sessions must be there still.
        configuration.engine.firstPollTimeout = .minutes(1)
        let io = SocketIOServer(configuration)
        let (reasons, continuation) = AsyncStream.makeStream(of: DisconnectReason.self)
        let recovered = Mutex<[Bool]>([])
        io.onConnection { socket in
            recovered.withLock { $0.append(socket.isRecovered) }
            socket.onDisconnect { continuation.yield($0) }
            socket.on("burst") { event in
                // Nothing that compresses well: clients take that for an attack.
                let text = (0..<500).map { _ in String(Int.random(in: 1000...9999)) }.joined()
                for number in 0..<10 { event.socket.emit("n", number, text) }
            }
        }
        let server = try await SocketIOListener.start([io], host: "127.0.0.1", port: 0, eventLoops: 2)
        let url = "http://127.0.0.1:\(server.port)/socket.io/?EIO=4&transport=polling"

        let session = try await Session(url)
        try await session.post("40")
        let connected = try await session.poll()
        let pid = connected.split(separator: "\"")[7]
        try await session.post(#"42["burst"]"#)
        for await reason in reasons {
            #expect(reason == .slowConsumer)
            break
        }
        let farewell = try await session.poll()
        #expect(farewell == "1slow consumer")
        let afterwards = try await session.poll()
        #expect(afterwards == #"{"code":1,"message":"Session ID unknown"}"#)

        let again = try await Session(url)
        try await again.post(#"40{"pid":"\#(pid)"}"#)
        var packets: [Substring] = []
        while packets.last?.hasPrefix("40") != true, packets.count < 12 {
            let body = try await again.poll()
            try #require(body.hasPrefix("4"), "\(body.prefix(100))")
            packets += body.split(separator: Self.separator)
        }
        #expect(packets.count == 11)
        for number in 0..<10 { #expect(packets[number].hasPrefix(#"42["n",\#(number),"#)) }
        #expect(packets.last?.contains(pid) == true)
        #expect(recovered.withLock { $0 } == [false, true])
        try await again.post("1")
        await server.shutDown()
    }
}
