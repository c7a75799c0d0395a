import ParleyClient
import Testing

/// The Swift client of each dialect, against the server.
@Suite("Dialect clients", .timeLimit(.minutes(1)))
struct DialectClientTests {
    @Test("Session chat")
    func sessionChat() async throws {
        try await TranscriptServer.withServer { baseURL, token in
            let alice = try await SessionChatClient.connect(to: baseURL, token: token("alice", "lobby"))
            let snapshots = alice.snapshots.makeAsyncIterator()
            let greeting = try #require(try await snapshots.next())
            #expect(greeting.messages.isEmpty)
            #expect(greeting.connectedUsers == ["alice"])
            try await alice.say("Hello!")
            #expect(try await snapshots.next()?.messages.map(\.text) == ["Hello!"])
            try await alice.connection.close()
            #expect(try await snapshots.next() == nil)
        }
    }

    @Test("Session chat refuses a bad token")
    func sessionChatRefusal() async throws {
        try await TranscriptServer.withServer { baseURL, _ in
            let error = await #expect(throws: WebSocketClientError.self) {
                try await SessionChatClient.connect(to: baseURL, token: "bad")
            }
            #expect(error?.refusal?.status == 401)
        }
    }

    @Test("Disposable chat")
    func disposableChat() async throws {
        try await TranscriptServer.withServer { baseURL, _ in
            let zoe = try await DisposableChatClient.connect(to: "\(baseURL)/ws", name: "Zoë & K", room: "lobby")
            let messages = zoe.messages.makeAsyncIterator()
            guard case .welcome(let clients)? = try await messages.next(), let me = clients.first else {
                Issue.record("expected a welcome")
                return
            }
            #expect(me.name == "Zoë & K")
            #expect(try await messages.next() == .registered(me))
            try await zoe.say("\"quoted\"\n")
            #expect(try await messages.next() == .chat(me, text: "\"quoted\"\n"))
            try await zoe.say("")
            #expect(try await messages.next() == .error("text must not be empty"))
            try await zoe.connection.close()
        }
    }

    @Test("Channel server")
    func channelServer() async throws {
        try await TranscriptServer.withServer { baseURL, _ in
            let client = try await ChannelServerClient.connect(to: "\(baseURL)/channels")
            let messages = client.messages.makeAsyncIterator()
            try await client.join("a \"b\" /c")
            #expect(try await messages.next() == .joinSuccess)
            try await client.publish(json: #"{"n": 12345678901234567890}"#)
            guard case .message(_, let json)? = try await messages.next() else {
                Issue.record("expected a message")
                return
            }
            #expect(json == #"{"n": 12345678901234567890}"#)
            #expect(try await messages.next() == .publishSuccess)
            try await client.ping(json: "[1.0]")
            #expect(try await messages.next() == .pong(json: "[1.0]"))
            try await client.ping()
            #expect(try await messages.next() == .pong(json: nil))
            try await client.connection.close()
        }
    }

    @Test("Relay")
    func relay() async throws {
        try await TranscriptServer.withServer { baseURL, _ in
            let silent = try await RelayClient.connect(to: "\(baseURL)/relay", topic: "prices", echo: false)
            let other = try await RelayClient.connect(to: "\(baseURL)/relay", topic: "prices")
            try await silent.send(text: "EUR 1.08")
            #expect(try await other.messages.makeAsyncIterator().next() == .text("EUR 1.08"))
            try await other.send(text: "EUR 1.09")
            #expect(try await silent.messages.makeAsyncIterator().next() == .text("EUR 1.09"))
            try await silent.connection.close()
            try await other.connection.close()
        }
    }
}
