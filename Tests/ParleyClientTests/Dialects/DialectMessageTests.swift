import Testing

@testable import ParleyClient

@Suite("Messages of the dialects")
struct DialectMessageTests {
    @Test(
        "Channel server",
        arguments: [
            (#"{"type":"joinSuccess"}"#, .joinSuccess),
            (#"{"type":"joinFailure"}"#, .joinFailure),
            (#"{"type":"publishSuccess"}"#, .publishSuccess),
            (#"{"type":"publishFailure","data":"join first"}"#, .publishFailure(reason: "join first")),
            (#"{"type":"pong"}"#, .pong(json: nil)),
            (
                #"{"type":"pong","data":{"n":12345678901234567890, "x":1.0}}"#,
                .pong(json: #"{"n":12345678901234567890, "x":1.0}"#)
            ),
            (#"{"data":null,"senderId":"s","type":"message"}"#, .message(senderID: "s", json: "null")),
            (
                #"{"message":"Bad request","connectionId":"c","requestId":"r"}"#,
                .badRequest(message: "Bad request", connectionID: "c", requestID: "r")
            ),
        ] as [(String, ChannelServerMessage)]
    )
    func channelServer(_ text: String, _ message: ChannelServerMessage) throws {
        #expect(try ChannelServerMessage(.text(text)) == message)
    }

    @Test(
        "What is no message of the channel server",
        arguments: ["", "[]", "x", "{}", #"{"type":"other"}"#, #"{"type":"message"}"#]
    )
    func unexpected(_ text: String) {
        let error = #expect(throws: WebSocketClientError.self) { try ChannelServerMessage(.text(text)) }
        #expect(error?.code == .unexpectedMessage)
    }

    private static let alice = DisposableChatMessage.Client(id: "1", name: "alice")

    @Test(
        "Disposable chat",
        arguments: [
            (
                #"{"type":"welcome","data":{"room":{"name":"r","activeClients":[{"id":"1","name":"alice"}]}}}"#,
                .welcome([alice])
            ),
            (#"{"type":"welcome","data":{"room":{"name":"r","activeClients":null}}}"#, .welcome([])),
            (
                #"{"type":"info","data":{"room":{"name":"r"},"client":{"id":"1","name":"alice"},"action":"registered"}}"#,
                .registered(alice)
            ),
            (
                #"{"type":"info","data":{"room":{"name":"r"},"client":{"id":"1","name":"alice"},"action":"unregistered"}}"#,
                .unregistered(alice)
            ),
            (
                #"{"type":"chat","data":{"room":{"name":"r"},"client":{"id":"1","name":"alice"},"text":"hi"}}"#,
                .chat(alice, text: "hi")
            ),
            (#"{"type":"error","data":{"text":"no"}}"#, .error("no")),
            (#"{"type":"new","data":7}"#, .other(type: "new")),
        ] as [(String, DisposableChatMessage)]
    )
    func disposableChat(_ text: String, _ message: DisposableChatMessage) throws {
        #expect(try JSONMessage.decode(DisposableChatMessage.self, from: .text(text), of: "disposable chat") == message)
    }

    @Test("Session chat")
    func sessionChat() throws {
        let text =
            #"{"messages":[{"userId":"alice","msg":"Hi","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice","bob"]}"#
        let snapshot = try JSONMessage.decode(SessionChatSnapshot.self, from: .text(text), of: "session chat")
        #expect(snapshot.messages == [.init(userID: "alice", text: "Hi", timestamp: "2024-01-01T12:00:00.000Z")])
        #expect(snapshot.connectedUsers == ["alice", "bob"])
    }

    @Test("The relay client names topic and echo in the URL")
    func relay() async throws {
        try await TestServer.with { server in
            let client = try await RelayClient.connect(
                to: server.url("/target"),
                topic: "a/b",
                echo: false,
                token: "t.t"
            )
            #expect(try await client.connection.next() == .text("/target/a%2Fb?echo=false&token=t.t"))
            try await client.connection.close()
        }
    }
}
