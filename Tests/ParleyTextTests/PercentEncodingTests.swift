import ParleyText
import Testing

@Suite struct PercentEncodingTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        /// `nil`: it is refused.
        let strict: String?
        let lenient: String
        var testDescription: String { self.text }

        init(_ text: String, _ strict: String?, _ lenient: String) {
            (self.text, self.strict, self.lenient) = (text, strict, lenient)
        }
    }

    static let rows: [Row] = [
        Row("", "", ""), Row("abc", "abc", "abc"), Row("é", "é", "é"),
        // RFC 3986 §2.1, §2.5.
        Row("%20", " ", " "), Row("%41", "A", "A"), Row("%c3%80", "À", "À"), Row("%E3%82%A2", "ア", "ア"),
        Row("%61%2F%3f%25", "a/?%", "a/?%"), Row("%2541", "%41", "%41"), Row("a%00b", "a\0b", "a\0b"),
        Row("e%CC%81", "e\u{301}", "e\u{301}"), Row("+", "+", "+"),
        // Escapes that are none.
        Row("%", nil, "%"), Row("a%", nil, "a%"), Row("%4", nil, "%4"), Row("%zz", nil, "%zz"), Row("%4g", nil, "%4g"),
        Row("%%41", nil, "%A"), Row("%4%41", nil, "%4A"), Row("%+1", nil, "%+1"), Row("%é", nil, "%é"),
        Row("%２０", nil, "%２０"),
        // Bytes that are no UTF-8: alone, cut off, too long, half of a surrogate pair.
        Row("%ff", nil, "\u{FFFD}"), Row("%c3", nil, "\u{FFFD}"), Row("%c3a", nil, "\u{FFFD}a"),
        Row("%c0%af", nil, "\u{FFFD}\u{FFFD}"), Row("%ed%a0%80", nil, "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ]

    @Test("Escapes are bytes of UTF-8; broken ones are refused, or left as they are", arguments: rows)
    func decode(_ row: Row) {
        #expect(
            PercentEncoding.decode(row.text[...])?.unicodeScalars.map(\.value)
                == row.strict?.unicodeScalars.map(\.value)
        )
        #expect(PercentEncoding.decodeLeniently(row.text[...]) == row.lenient)
    }

    @Test("A plus sign is a space in queries of forms alone, and not when it is escaped")
    func plus() {
        #expect(PercentEncoding.decode("a+b%2B") == "a+b+")
        #expect(PercentEncoding.decode("a+b%2B", plusIsSpace: true) == "a b+")
        #expect(PercentEncoding.decodeLeniently("a+b%2B%+", plusIsSpace: true) == "a b+% ")
        #expect(PercentEncoding.decodeLeniently("a+b") == "a+b")
    }

    @Test(
        "All but the unreserved is encoded, in upper case",
        arguments: [
            ("", ""), ("AZaz09-._~", "AZaz09-._~"), ("a b", "a%20b"), ("a/b?c=d&e", "a%2Fb%3Fc%3Dd%26e"),
            ("%41", "%2541"),
            ("é", "%C3%A9"), ("😀", "%F0%9F%98%80"), ("\0\u{7F}\r\n", "%00%7F%0D%0A"), ("+", "%2B"),
            (":/?#[]@!$&'()*+,;=", "%3A%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D"),
        ]
    )
    func encode(text: String, encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded[...]) == text)
    }

    @Test("What may stay is for the caller to say")
    func keeping() {
        #expect(
            PercentEncoding.encode("/@connections/a%3D b~-._é") { $0.isUnreserved || $0 == UInt8(ascii: "/") }
                == "/%40connections/a%253D%20b~-._%C3%A9"
        )
        #expect(PercentEncoding.encode("a-b.c") { $0.isASCIIAlphanumeric } == "a%2Db%2Ec")
    }
}
