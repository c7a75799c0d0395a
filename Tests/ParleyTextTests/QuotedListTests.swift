import ParleyText
import Testing

@Suite struct QuotedListTests {
    @Test(
        "Separators between quotes are none",
        arguments: [
            ("", [""], false), ("a", ["a"], false), ("a, b", ["a", " b"], false), (",a,", ["", "a", ""], false),
            ("\"a,b\",c", ["\"a,b\"", "c"], false), ("a=\"b,c\";d, e", ["a=\"b,c\";d", " e"], false),
            ("\"a\\\",b\",c", ["\"a\\\",b\"", "c"], false), ("\"a\\\\\",b", ["\"a\\\\\"", "b"], false),
            ("a\\,b", ["a\\", "b"], false), ("\"a,b", ["\"a,b"], true), ("a,\"b\\\"", ["a", "\"b\\\""], true),
            ("a,\"", ["a", "\""], true), ("a,\u{301}b", ["a", "\u{301}b"], false),
            ("\"\u{301}a,b\",c", ["\"\u{301}a,b\"", "c"], false),
        ]
    )
    func elements(value: String, expected: [String], isOpen: Bool) {
        let list = QuotedList.elements(of: value[...], separatedBy: UInt8(ascii: ","))
        #expect(list.elements.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
        #expect(list.isOpen == isOpen)
    }
}
