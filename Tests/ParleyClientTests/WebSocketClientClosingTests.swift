import NIOCore
import Testing
import WebSocketProtocol

@testable import ParleyClient

@Suite("The end of a WebSocket client", .timeLimit(.minutes(1)))
struct WebSocketClientClosingTests {
    @Test("The code and reason that the client closes with are kept")
    func close() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            #expect(client.closeCode == nil)
            try await client.close(code: WebSocketCloseCode(rawValue: 4000), reason: "bye")
            #expect(client.closeCode?.rawValue == 4000)
            #expect(client.closeReason == "bye")
            #expect(try await client.next() == nil)
            try await client.close()
        }
    }

    @Test("The server's code and reason are kept, seen, and end the messages")
    func serverCloses() async throws {
        try await TestServer.with { server in
            let (events, seen) = AsyncStream.makeStream(of: WebSocketControlEvent.self)
            var configuration = WebSocketClientConfiguration()
            configuration.onControlEvent = { seen.yield($0) }
            let client = try await WebSocketClient.connect(to: server.url("/closing"), configuration: configuration)
            try await client.send(text: "x")
            #expect(try await client.next() == nil)
            #expect(client.closeCode?.rawValue == 4001)
            #expect(client.closeReason == "enough")
            #expect(await events.first { _ in true } == .close(WebSocketCloseCode(rawValue: 4001), reason: "enough"))
            let error = await #expect(throws: WebSocketClientError.self) { try await client.send(text: "y") }
            #expect(error?.code == .closed)
            #expect(error?.message == "the connection is closed: 4001 (enough)")
        }
    }

    @Test("A message and a close that come with the handshake are not lost when the connection ends at once")
    func hasty() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/hasty"))
            #expect(try await client.next() == .text("first"))
            #expect(try await client.next() == nil)
            #expect(client.closeCode == .policyViolation)
            #expect(client.closeReason == "Room is full")
        }
    }

    @Test("A connection that ends without a close frame is an error, and 1006")
    func dropped() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/dropping"))
            try await client.send(text: "x")
            let error = await #expect(throws: WebSocketClientError.self) { try await client.next() }
            #expect(error?.code == .connectionLost)
            #expect(client.closeCode?.rawValue == 1006)
        }
    }

    @Test("A server that breaks a rule is closed with the rule's code")
    func violation() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/wrong"))
            let error = await #expect(throws: WebSocketClientError.self) { try await client.next() }
            #expect(error?.code == .protocolViolation)
            #expect(error?.message == "closed with 1002: opcode 3 is reserved")
            #expect(client.closeCode == .protocolError)
        }
    }

    @Test("A message beyond the limit is refused with 1009")
    func limit() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.compression = nil
            configuration.limits = WebSocketLimits(maximumMessageBytes: 10)
            let client = try await WebSocketClient.connect(to: server.url("/echo"), configuration: configuration)
            try await client.send(text: "0123456789")
            #expect(try await client.next() == .text("0123456789"))
            try await client.send(text: "0123456789a")
            let error = await #expect(throws: WebSocketClientError.self) { try await client.next() }
            #expect(error?.code == .protocolViolation)
            #expect(client.closeCode == .messageTooBig)
        }
    }

    @Test(
        "What cannot stand in a close frame is refused",
        arguments: [(1005, ""), (999, ""), (1000, String(repeating: "x", count: 124))] as [(UInt16, String)]
    )
    func invalidClose(_ code: UInt16, _ reason: String) async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            let error = await #expect(throws: WebSocketClientError.self) {
                try await client.close(code: WebSocketCloseCode(rawValue: code), reason: reason)
            }
            #expect(error?.code == .invalidArgument)
            try await client.close()
        }
    }

    @Test("Whoever waits for a pong learns of the end")
    func pingAtTheEnd() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.closeTimeout = .milliseconds(20)
            let client = try await WebSocketClient.connect(to: server.url("/mute"), configuration: configuration)
            let ping = Task { try await client.ping() }
            try await client.close()
            let error = await #expect(throws: WebSocketClientError.self) { try await ping.value }
            #expect(error?.code == .closed)
        }
    }
}
