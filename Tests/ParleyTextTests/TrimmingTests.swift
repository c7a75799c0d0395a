import ParleyText
import Testing

@Suite struct TrimmingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        /// Without spaces and tabs.
        let field: String
        /// Without white space of any kind.
        let bare: String
        var testDescription: String { self.text.debugDescription }

        init(_ text: String, _ field: String, _ bare: String) {
            (self.text, self.field, self.bare) = (text, field, bare)
        }
    }

    static let rows: [Row] = [
        Row("", "", ""), Row(" ", "", ""), Row(" \t ", "", ""), Row("a", "a", "a"), Row("  a b\t", "a b", "a b"),
        Row("\r\na\r\n", "\r\na\r\n", "a"), Row("\n", "\n", ""), Row("\u{A0}a\u{A0}", "\u{A0}a\u{A0}", "a"),
        Row("\u{3000}a\u{2028}", "\u{3000}a\u{2028}", "a"), Row("\u{85}a\u{B}\u{C}", "\u{85}a\u{B}\u{C}", "a"),
        Row("\u{FEFF}a\0", "\u{FEFF}a\0", "\u{FEFF}a\0"), Row("\u{200B}a", "\u{200B}a", "\u{200B}a"),
        // An accent stays, even where it has nothing left to stand on.
        Row(" \u{301}a \u{301}", "\u{301}a \u{301}", "\u{301}a \u{301}"), Row(" é ", "é", "é"),
    ]

    @Test("Of fields spaces and tabs go, of what people write all white space", arguments: rows)
    func trims(_ row: Row) {
        #expect(Array(row.text.trimmingOptionalWhiteSpace.utf8) == Array(row.field.utf8))
        #expect(Array(row.text.trimmingWhiteSpace.utf8) == Array(row.bare.utf8))
        let part = ("x" + row.text + "x").dropFirst().dropLast()
        if part.utf8.count == row.text.utf8.count {
            #expect(Array(part.trimmingOptionalWhiteSpace.utf8) == Array(row.field.utf8))
        }
    }

    @Test("What is blank is for the caller to say")
    func blank() {
        #expect("\u{FEFF}a\0".trimming { ["\u{FEFF}", "\0"].contains($0) } == "a")
    }
}
