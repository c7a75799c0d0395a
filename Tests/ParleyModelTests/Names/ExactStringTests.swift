import Testing

@testable import ParleyModel

@Suite struct ExactStringTests {
    /// Pairs that `String` takes for the same, and one of each other kind.
    static let pairs: [(String, String)] = [
        ("caf\u{E9}", "cafe\u{301}"), ("\u{C5}", "\u{212B}"), ("K", "\u{212A}"), (";", "\u{37E}"), ("`", "\u{1FEF}"),
        ("\u{1E69}", "s\u{307}\u{323}"), ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("\u{AC00}", "\u{1100}\u{1161}"),
        ("Room", "room"), ("a", "a\u{0}"), ("", " "), ("a", "a\u{200D}"),
    ]

    @Test("Names are the same when their bytes are", arguments: pairs)
    func distinct(one: String, other: String) {
        #expect(ExactString(one) != ExactString(other))
        #expect(Set([ExactString(one), ExactString(other)]).count == 2)
        #expect([ExactString(one): 1, ExactString(other): 2].count == 2)
        #expect(UserID(one) != UserID(other))
        #expect(!one.hasSameBytes(as: other))
        for text in [one, other] {
            let again = String(Array(text))
            #expect(ExactString(text) == ExactString(again))
            #expect(ExactString(text).hashValue == ExactString(again).hashValue)
            #expect("xx\(text)".dropFirst(2).hasSameBytes(as: again))
        }
    }

    @Test("They are in the order of their bytes")
    func order() {
        let sorted = ["e\u{301}", "\u{E9}", "z", "Z", ""].map { ExactString($0) }.sorted().map(\.text)
        #expect(sorted.map { Array($0.utf8) } == ["", "Z", "e\u{301}", "z", "\u{E9}"].map { Array($0.utf8) })
    }

    @Test(
        "What has no case is compared in any, of A to Z alone",
        arguments: [
            ("Chat.Example:8000", "chat.example:8000", true), ("k", "\u{212A}", false), ("\u{C9}", "\u{E9}", false),
            ("stra\u{DF}e", "STRASSE", false), ("@", "`", false), ("[", "{", false), ("", "", true), ("a", "ab", false),
        ]
    )
    func anyCase(one: String, other: String, isSame: Bool) {
        #expect(one.hasSameBytesInAnyCase(as: other) == isSame)
        #expect(one.asciiLowercased.hasSameBytes(as: other.asciiLowercased) == isSame)
    }
}
