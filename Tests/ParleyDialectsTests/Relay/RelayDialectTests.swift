import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct RelayDialectTests {
    private static let request = JoinRequest(topic: TopicName("t"), memberID: "m", memberName: "m")

    @Test("Without a topic every message goes back to its sender, as it came")
    func echo() {
        let relay = Conversation(RelayDialect(join: nil))
        #expect(relay.open() == .none)
        #expect(relay.hear("hi") == .reply(.text, ByteBuffer(string: "hi")))
        #expect(relay.hear("") == .reply(.text, ByteBuffer()))
        #expect(relay.hear(bytes: [0, 255]) == .reply(.binary, ByteBuffer(bytes: [0, 255])))
        #expect(relay.hear("again") == .reply(.text, ByteBuffer(string: "again")))
    }

    @Test("With a topic every message goes to all of it", arguments: [true, false])
    func publishes(includesSender: Bool) {
        let relay = Conversation(RelayDialect(join: Self.request, includesSender: includesSender))
        #expect(relay.open() == .join(Self.request))
        #expect(relay.joinCompleted(.joined) == .none)
        #expect(relay.hear("{\"a\":1}") == .publish(.text("{\"a\":1}"), includingSender: includesSender))
        #expect(
            relay.hear(bytes: [0, 255])
                == .publish(.binary(ByteBuffer(bytes: [0, 255])), includingSender: includesSender)
        )
        #expect(relay.hear("") == .publish(.text(""), includingSender: includesSender))
        #expect(relay.publishCompleted() == .none)
    }

    @Test("A refused join closes")
    func refused() {
        let relay = Conversation(RelayDialect(join: Self.request))
        #expect(relay.joinCompleted(.refused(.roomFull)) == .close(.roomFull))
    }

    @Test(
        "Subscribers receive the payload's own bytes",
        arguments: [
            (Payload.text("hi"), Sent(kind: .text, text: "hi")),
            (.json("{ \"a\":1.0 }"), Sent(kind: .text, text: "{ \"a\":1.0 }")),
            (.json("\"hi\""), Sent(kind: .text, text: "\"hi\"")),
            (.binary(ByteBuffer(bytes: [0, 65])), Sent(kind: .binary, text: "\0A")),
            (.event("message", "[\"hi\"]"), Sent(kind: .text, text: "hi")),
            (.event("move", "[1,2]"), Sent(kind: .text, text: "[1,2]")),
            (.text(""), Sent(kind: .text, text: "")),
        ]
    )
    func encodes(payload: Payload, sent: Sent) {
        #expect(RelayEncoder().message(for: .published(.said(payload, by: "x"))) == sent)
    }

    @Test("Subscribers hear nothing of joins and leaves")
    func silence() {
        let member = Member.named("x")
        #expect(RelayEncoder().message(for: .joined(member)) == nil)
        #expect(RelayEncoder().message(for: .left(member)) == nil)
        #expect(RelayEncoder().message(for: .replaced(member, by: member)) == nil)
        #expect(RelayEncoder().welcome(for: member, in: Room(members: [member])) == nil)
    }
}
