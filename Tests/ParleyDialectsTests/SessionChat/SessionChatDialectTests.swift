import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct SessionChatDialectTests {
    @Test("A connection asks for its room under its user's name, first of all")
    func opens() {
        let chat = Self.alice()
        #expect(
            chat.open()
                == .join(
                    JoinRequest(
                        topic: TopicName("r1"),
                        memberID: "alice",
                        memberName: "alice",
                        uniqueness: .reject,
                        maximumMembers: 100
                    )
                )
        )
        #expect(chat.joinCompleted(.joined) == .none)
        #expect(chat.hear("hi") == .publish(.text("hi"), includingSender: true))
    }

    @Test("Room size and the fate of duplicates come from the configuration")
    func configured() {
        var configuration = SessionChatConfiguration()
        configuration.maximumUsersPerRoom = 2
        configuration.duplicateUser = .replace
        let chat = Self.alice(configuration)
        #expect(
            chat.open().join
                == JoinRequest(
                    topic: TopicName("r1"),
                    memberID: "alice",
                    memberName: "alice",
                    uniqueness: .replace,
                    maximumMembers: 2
                )
        )
    }

    @Test(
        "A refused join closes with the reason it was refused for",
        arguments: [CloseReason.roomFull, .duplicateUser, .topicLimit]
    )
    func refused(reason: CloseReason) {
        let chat = Self.alice()
        _ = chat.open()
        #expect(chat.joinCompleted(.refused(reason)) == .close(reason))
    }

    @Test(
        "A message is published as it was typed",
        arguments: ["hi", "", " ", "  padded\n", "two\nlines", "{\"a\":1}", "\"quoted\"", "😀", "\u{0}"]
    )
    func verbatim(text: String) {
        let chat = Self.joined()
        #expect(chat.hear(text) == .publish(.text(text), includingSender: true))
        #expect(chat.hear(bytes: Array(text.utf8)) == .publish(.text(text), includingSender: true))
        #expect(chat.hear("next") == .publish(.text("next"), includingSender: true))
    }

    @Test(
        "A message of 1000 UTF-16 units is accepted, one of 1001 is dropped, and the next one works",
        arguments: ["a", "é", "日"]
    )
    func length(character: String) {
        let chat = Self.joined()
        let longest = String(repeating: character, count: 1000)
        #expect(chat.hear(longest) == .publish(.text(longest), includingSender: true))
        #expect(chat.hear(longest + "x") == .drop)
        #expect(chat.hear("ok") == .publish(.text("ok"), includingSender: true))
    }

    @Test("A character outside of the basic plane counts as two")
    func surrogates() {
        let chat = Self.joined()
        let longest = String(repeating: "😀", count: 500)
        #expect(chat.hear(longest) == .publish(.text(longest), includingSender: true))
        #expect(chat.hear(longest + "x") == .drop)
    }

    @Test(
        "Binary that is no UTF-8 closes, however long it is",
        arguments: [[0xff], [0x61, 0xc3], [UInt8](repeating: 0x80, count: 5000)]
    )
    func notUTF8(bytes: [UInt8]) {
        let chat = Self.joined()
        #expect(chat.hear(bytes: bytes) == .close(.notUTF8))
    }

    @Test("Seeing one's own message is the acknowledgement: there is no other")
    func noAcknowledgement() {
        let chat = Self.joined()
        #expect(!chat.dialect.acknowledgesPublications)
        #expect(chat.publishCompleted() == .none)
    }

    private static func alice(_ configuration: SessionChatConfiguration = .init()) -> Conversation<SessionChatDialect> {
        Conversation(SessionChatDialect(userID: "alice", room: TopicName("r1"), configuration: configuration))
    }

    private static func joined() -> Conversation<SessionChatDialect> {
        let chat = Self.alice()
        _ = chat.open()
        _ = chat.joinCompleted(.joined)
        return chat
    }
}
