import NIOCore
import ParleyClient
import Testing
import WebSocketProtocol

@Suite("WebSocket client", .timeLimit(.minutes(1)))
struct WebSocketClientTests {
    @Test("Text and binary messages go there and come back")
    func echo() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            try await client.send(text: "héllo")
            try await client.send(binary: ByteBuffer(bytes: [0, 255]))
            try await client.send(text: "")
            #expect(try await client.next() == .text("héllo"))
            #expect(try await client.next() == .binary(ByteBuffer(bytes: [0, 255])))
            #expect(try await client.next() == .text(""))
            try await client.close()
        }
    }

    @Test("Messages of every length encoding survive", arguments: [125, 126, 65_535, 65_536, 200_000])
    func lengths(_ length: Int) async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            let text = String(repeating: "x", count: length)
            try await client.send(text: text)
            #expect(try await client.next() == .text(text))
            try await client.close()
        }
    }

    @Test("A fragmented message comes as one, and the ping between its frames is answered and seen")
    func fragments() async throws {
        try await TestServer.with { server in
            let (events, seen) = AsyncStream.makeStream(of: WebSocketControlEvent.self)
            var configuration = WebSocketClientConfiguration()
            configuration.onControlEvent = { seen.yield($0) }
            let client = try await WebSocketClient.connect(to: server.url("/fragments"), configuration: configuration)
            #expect(try await client.next() == .text("Hello, world"))
            #expect(await events.first { _ in true } == .ping(ByteBuffer(string: "between")))
            try await client.close()
        }
    }

    @Test("A ping is answered, and takes time")
    func ping() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            #expect(try await client.ping() > .zero)
            try await client.close()
        }
    }

    @Test("A ping that is not answered times out")
    func pingTimeout() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.pingTimeout = .milliseconds(20)
            configuration.closeTimeout = .milliseconds(20)
            let client = try await WebSocketClient.connect(to: server.url("/mute"), configuration: configuration)
            let error = await #expect(throws: WebSocketClientError.self) { try await client.ping() }
            #expect(error?.code == .timedOut)
            try await client.close()
            #expect(client.closeCode?.rawValue == 1006)
        }
    }

    @Test(
        "With compression, a message of ten thousand equal letters takes less than two hundred bytes",
        arguments: [true, false]
    )
    func compression(_ isOffered: Bool) async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            if !isOffered { configuration.compression = nil }
            let text = String(repeating: "x", count: 10_000)
            let wire = try await WebSocketClient.connect(to: server.url("/wire"), configuration: configuration)
            #expect((wire.compression != nil) == isOffered)
            if isOffered {
                try await wire.send(text: text)
                let answer = try await wire.next()
                let bytes = try #require(answer?.text.flatMap { Int($0) })
                #expect(bytes < 200)
            }
            try await wire.close()
            let echo = try await WebSocketClient.connect(to: server.url("/echo"), configuration: configuration)
            try await echo.send(text: text)
            #expect(try await echo.next() == .text(text))
            try await echo.close()
        }
    }

    @Test("The server picks one of the subprotocols", arguments: [["chat", "v2"], []])
    func subprotocols(_ offered: [String]) async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.subprotocols = offered
            let client = try await WebSocketClient.connect(to: server.url("/echo"), configuration: configuration)
            #expect(client.subprotocol == offered.first)
            try await client.close()
        }
    }

    @Test("A thousand messages arrive in order through a window of a few")
    func backPressure() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.maximumWaitingBytes = 500
            let client = try await WebSocketClient.connect(to: server.url("/flood"), configuration: configuration)
            try await client.send(text: "1000")
            for number in 0..<1000 { #expect(try await client.next() == .text("\(number)")) }
            try await client.close()
        }
    }

    @Test("A close goes through even while messages wait that nobody reads")
    func closeBehindUnreadMessages() async throws {
        try await TestServer.with { server in
            var configuration = WebSocketClientConfiguration()
            configuration.maximumWaitingBytes = 100
            let client = try await WebSocketClient.connect(to: server.url("/flood"), configuration: configuration)
            try await client.send(text: "1000")
            #expect(try await client.next() == .text("0"))
            try await client.close()
            #expect(client.closeCode == .normal)
        }
    }

    @Test("A cancelled read leaves the connection as it is")
    func cancellation() async throws {
        try await TestServer.with { server in
            let client = try await WebSocketClient.connect(to: server.url("/echo"))
            let read = Task { try await client.next() }
            read.cancel()
            await #expect(throws: CancellationError.self) { try await read.value }
            try await client.send(text: "still here")
            #expect(try await client.next() == .text("still here"))
            try await client.close()
        }
    }
}

extension WebSocketClient {
    func next() async throws -> WebSocketMessage? { try await self.messages.makeAsyncIterator().next() }
}

extension WebSocketMessage {
    var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
}
