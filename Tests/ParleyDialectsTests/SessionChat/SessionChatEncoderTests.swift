import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct SessionChatEncoderTests {
    @Test("A room is shown as in the specification")
    func snapshot() {
        let hello = Publication.said(.text("Hello!"), by: "alice")
        let room = Room(members: [.named("alice"), .named("bob")], publications: [hello])
        #expect(
            SessionChatEncoder().message(for: .published(hello), in: room)
                == #"{"messages":[{"userId":"alice","msg":"Hello!","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice","bob"]}"#
        )
    }

    @Test("The first member is greeted by an empty room")
    func empty() {
        let alice = Member.named("alice")
        let room = Room(members: [alice])
        #expect(
            SessionChatEncoder().message(for: .joined(alice), in: room)
                == #"{"messages":[],"connectedUsers":["alice"]}"#
        )
        #expect(SessionChatEncoder().welcome(for: alice, in: room) == nil)
    }

    @Test("Every event causes the same snapshot")
    func everyEvent() {
        let said = Publication.said(.text("x"), by: "alice")
        let room = Room(members: [.named("alice")], publications: [said])
        let events: [TopicEvent] = [
            .joined(.named("alice")), .left(.named("bob")), .replaced(.named("alice"), by: .named("alice")),
            .published(said),
        ]
        for event in events {
            #expect(
                SessionChatEncoder().message(for: event, in: room)
                    == #"{"messages":[{"userId":"alice","msg":"x","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice"]}"#
            )
        }
    }

    @Test("Messages come oldest first, members in the order of joining")
    func order() {
        let room = Room(
            members: [.named("zoe"), .named("adam")],
            publications: [.said(.text("1"), by: "zoe"), .said(.text("2"), by: "adam"), .said(.text(""), by: "gone")]
        )
        #expect(
            SessionChatEncoder().message(for: .left(.named("gone")), in: room)
                == Sent(
                    kind: .text,
                    text: #"{"messages":[{"userId":"zoe","msg":"1","ts":"2024-01-01T12:00:00.000Z"},"#
                        + #"{"userId":"adam","msg":"2","ts":"2024-01-01T12:00:00.000Z"},"#
                        + #"{"userId":"gone","msg":"","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["zoe","adam"]}"#
                )
        )
    }

    @Test("Whatever stands in names and texts, the snapshot is JSON")
    func escaping() {
        let said = Publication.said(.text("a \"b\"\n{\"a\":1} \\ 😀"), by: "al\"ice")
        #expect(
            SessionChatEncoder().message(
                for: .published(said),
                in: Room(members: [.named("al\"ice")], publications: [said])
            )
                == Sent(
                    kind: .text,
                    text:
                        #"{"messages":[{"userId":"al\"ice","msg":"a \"b\"\n{\"a\":1} \\ 😀","ts":"2024-01-01T12:00:00.000Z"}],"#
                        + #""connectedUsers":["al\"ice"]}"#
                )
        )
    }
}
