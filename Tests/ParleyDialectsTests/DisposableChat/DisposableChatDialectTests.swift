import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct DisposableChatDialectTests {
    static let emptyError = #"{"type":"error","data":{"text":"text must not be empty"}}"#
    static let longError = #"{"type":"error","data":{"text":"text must not exceed 300 characters"}}"#

    @Test("A connection joins its room under a UUID of its own; names may repeat")
    func opens() throws {
        let chat = try Self.zoe()
        let join = try #require(chat.open().join)
        #expect(join.topic == TopicName("room-A_1"))
        #expect(join.memberName == "Zoë K")
        #expect(
            join.memberID.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil
        )
        #expect(join.uniqueness == .any)
        #expect(join.maximumMembers == nil)

        let other = try Self.zoe()
        other.context.random = SeededGenerator(seed: 2)
        #expect(other.open().join?.memberID != join.memberID)
    }

    @Test("The welcome is the answer to a join, so that the dialect adds none; a refusal closes")
    func joined() throws {
        let chat = try Self.zoe()
        _ = chat.open()
        #expect(chat.joinCompleted(.joined) == .none)
        #expect(chat.hear(#"{"text":"hi"}"#) == .publish(.text("hi"), includingSender: true))
        #expect(chat.publishCompleted() == .none)
        #expect(!chat.dialect.acknowledgesPublications)
        let refused = try Self.zoe()
        #expect(refused.joinCompleted(.refused(.topicLimit)) == .close(.topicLimit))
    }

    @Test(
        "The text is published, and nothing else of the message",
        arguments: [
            (#"{"text":"hi"}"#, "hi"), (#"{"text":" "}"#, " "), (#" { "x" : [1] , "text" : "hi" } "#, "hi"),
            (#"{"text":"a\"b\\c\u0041\n"}"#, "a\"b\\cA\n"), (#"{"t\u0065xt":"hi"}"#, "hi"),
            (#"{"text":"1","text":"2"}"#, "2"),
            (#"{"text":"\ud83d\ude00"}"#, "😀"), (#"{"text":"\ud83d"}"#, "\u{fffd}"),
            (#"{"text":"{\"text\":\"x\"}"}"#, #"{"text":"x"}"#),
        ]
    )
    func published(message: String, text: String) throws {
        let chat = try Self.zoe()
        #expect(chat.hear(message) == .publish(.text(text), includingSender: true))
        #expect(chat.hear(bytes: Array(message.utf8)) == .publish(.text(text), includingSender: true))
        #expect(chat.hear(#"{"text":"next"}"#) == .publish(.text("next"), includingSender: true))
    }

    @Test(
        "Anything else counts as an empty text: the sender is told, and goes on",
        arguments: [
            #"{"text":""}"#, "{}", "[]", "nonsense", #"{"text":5}"#, #"{"text":null}"#, #"{"text":["x"]}"#,
            #"{"Text":"hi"}"#, "",
            #"{"text":"hi""#, #"{"text":"hi"}}"#, #""hi""#, "null", #"{"text":"hi","text":1}"#,
            #"{"data":{"text":"hi"}}"#,
        ]
    )
    func unusable(message: String) throws {
        let chat = try Self.zoe()
        #expect(chat.hear(message) == .reply(Self.emptyError))
        #expect(chat.hear(#"{"text":"hi"}"#) == .publish(.text("hi"), includingSender: true))
    }

    @Test("Binary that is no UTF-8 counts as empty, too")
    func notUTF8() throws {
        let chat = try Self.zoe()
        #expect(chat.hear(bytes: Array(#"{"text":""#.utf8) + [0xff] + Array(#""}"#.utf8)) == .reply(Self.emptyError))
    }

    @Test("300 UTF-16 units are delivered, 301 are answered with an error", arguments: ["a", "日", "\\n", "\\u00e9"])
    func length(character: String) throws {
        let chat = try Self.zoe()
        let longest = String(repeating: character, count: 300)
        guard case .publish(.text(let text), includingSender: true) = chat.hear("{\"text\":\"\(longest)\"}") else {
            Issue.record("Expected 300 characters to be published")
            return
        }
        #expect(String(buffer: text).utf16.count == 300)
        #expect(chat.hear("{\"text\":\"\(longest)\(character)\"}") == .reply(Self.longError))
        #expect(chat.hear("{\"text\":\"\(String(repeating: "😀", count: 151))\"}") == .reply(Self.longError))
    }

    @Test("The error names the limit in force")
    func configuredLength() throws {
        var configuration = DisposableChatConfiguration()
        configuration.maximumTextLength = 2
        let chat = try Self.zoe(configuration)
        #expect(
            chat.hear(#"{"text":"abc"}"#)
                == .reply(#"{"type":"error","data":{"text":"text must not exceed 2 characters"}}"#)
        )
    }

    private static func zoe(
        _ configuration: DisposableChatConfiguration = .init()
    ) throws -> Conversation<DisposableChatDialect> {
        let parameters = try #require(DisposableChatParameters(name: "Zoë K", room: "room-A_1"))
        return Conversation(DisposableChatDialect(parameters: parameters, configuration: configuration))
    }
}
