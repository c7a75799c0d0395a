import NIOCore
import Testing

@testable import ParleyAI

@Suite struct AnswerReaderTests {
    private static func answer(_ contents: [String]) throws -> String {
        var reader = AnswerReader(provider: "p")
        var text = ""
        for content in contents {
            let event = #"data: {"choices":[{"delta":{"content":"\#(content)"}}]}"# + "\n\n"
            _ = try reader.receive(ByteBuffer(string: event)) { text += $0 }
        }
        try reader.finish { text += $0 }
        return text
    }

    @Test(
        "A character that is split over two pieces is whole",
        arguments: [
            ([#"a\ud83d"#, #"\ude00b"#], "a\u{1F600}b"), ([#"\ud83d"#, "", #"\ude00"#], "\u{1F600}"),
            ([#"\ud83d"#, #"\ude00\ud83d"#, #"\ude01"#], "\u{1F600}\u{1F601}"),
            ([#"\ud83d"#, "x"], "\u{FFFD}x"), ([#"\ud83d"#], "\u{FFFD}"), ([#"\ude00"#, "x"], "\u{FFFD}x"),
            ([#"\ud83d"#, #"\ud83d\ude00"#], "\u{FFFD}\u{1F600}"), ([#"\\ud83d"#, #"\ude00"#], "\\ud83d\u{FFFD}"),
            ([#"\ud83d\ude00"#], "\u{1F600}"),
        ]
    )
    func split(contents: [String], expected: String) throws {
        #expect(try Self.answer(contents) == expected)
    }
}
