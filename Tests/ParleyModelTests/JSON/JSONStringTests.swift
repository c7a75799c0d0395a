import NIOCore
import Testing

@testable import ParleyModel

@Suite struct JSONStringTests {
    static let spellings: [(wire: String, text: String)] = [
        ("", ""), ("plain", "plain"), ("é日本👩‍👩‍👧", "é日本👩‍👩‍👧"),
        (#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (#"\u0041\u00e9\u65E5"#, "Aé日"),
        (#"\u0000"#, "\u{0}"),
        (#"a\u0062c"#, "abc"), (#"\u0061bc"#, "abc"), (#"ab\u0063"#, "abc"),
        (#"é\u00e9é"#, "ééé"),
        (#"\\u0041"#, "\\u0041"), (#"\\\\n"#, "\\\\n"), (#"\\\n"#, "\\\n"),
        // Surrogate pairs.
        (#"\ud83d\ude00"#, "😀"), (#"\uD83D\uDE00"#, "😀"), (#"x\ud83d\ude00y\ud834\udd1e"#, "x😀y𝄞"),
        // Halves without their other half mean nothing in Unicode.
        (#"\ud83d"#, "\u{fffd}"), (#"\ude00"#, "\u{fffd}"), (#"\ude00\ud83d"#, "\u{fffd}\u{fffd}"),
        (#"\ud83dx\ude00"#, "\u{fffd}x\u{fffd}"), (#"\ud83d\n"#, "\u{fffd}\n"), (#"\ud83d\ud83d\ude00"#, "\u{fffd}😀"),
        (#"\ud83d\u0041"#, "\u{fffd}A"),
    ]

    @Test("A JSON string is decoded as RFC 8259 says", arguments: spellings)
    func decodes(wire: String, text: String) throws {
        let buffer = ByteBuffer(string: "\"\(wire)\"")
        let decoded = try #require(JSONString.decode(try JSONScanner.scanValue(buffer), in: buffer))
        #expect(Array(decoded.utf8) == Array(text.utf8))
    }

    @Test(
        "What names something has no half of a surrogate pair: two names would be one",
        arguments: spellings.map { spelling -> (String, String?) in
            (spelling.wire, spelling.text.contains("\u{fffd}") ? nil : spelling.text)
        } + [(#"\\ud83d"#, #"\ud83d"#), ("\u{fffd}", "\u{fffd}"), (#"\ufffd"#, "\u{fffd}"), (#"\ud83d\\ude00"#, nil)]
    )
    func names(wire: String, text: String?) throws {
        let buffer = ByteBuffer(string: "\"\(wire)\"")
        let name = JSONString.decodeName(try JSONScanner.scanValue(buffer), in: buffer)
        #expect(name.map { Array($0.utf8) } == text.map { Array($0.utf8) })
        var key: String?
        try JSONScanner.scanObject(ByteBuffer(string: "{\"\(wire)\":1}")) { found, _ in key = found.name }
        #expect(key.map { Array($0.utf8) } == text.map { Array($0.utf8) })
    }

    @Test("Only strings have a text", arguments: ["1", "null", "[\"a\"]", "{}", "true"])
    func othersHaveNone(json: String) throws {
        let buffer = ByteBuffer(string: json)
        #expect(JSONString.decode(try JSONScanner.scanValue(buffer), in: buffer) == nil)
    }

    static let escapes: [(text: String, wire: String)] = [
        ("", #""""#), ("abc", #""abc""#), ("\"", #""\"""#), ("\\", #""\\""#), ("/", #""/""#),
        ("\u{8}\u{9}\u{a}\u{c}\u{d}", #""\b\t\n\f\r""#), ("\u{0}\u{1}\u{b}\u{1f}", #""\u0000\u0001\u000b\u001f""#),
        ("\u{7f}", "\"\u{7f}\""), ("é日😀", "\"é日😀\""), ("<&>", "\"<&>\""), ("\u{2028}", "\"\u{2028}\""),
        ("a\"b\"c", #""a\"b\"c""#), ("\"\"", #""\"\"""#), ("line one\nline two", #""line one\nline two""#),
        (#"{"a":1}"#, #""{\"a\":1}""#),
    ]

    @Test("Only what must be escaped is escaped", arguments: escapes)
    func encodes(text: String, wire: String) {
        var buffer = ByteBuffer()
        buffer.writeJSONString(text)
        #expect(String(buffer: buffer) == wire)
        buffer.clear()
        buffer.writeJSONString(utf8: ByteBuffer(string: text))
        #expect(String(buffer: buffer) == wire)
    }

    @Test("Any text comes back from its JSON form", arguments: 0..<10 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0..<20, using: &random) {
                // Mostly what is special, for chance to find its combinations.
                let range: ClosedRange<UInt32> =
                    [0...0x2f, 0x5c...0x5c, 0x7f...0xff, 0xd7f0...0xe010, 0x1_0000...0x10_ffff]
                    .randomElement(using: &random) ?? 0...0
                if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { text.append(scalar) }
            }
            var buffer = ByteBuffer()
            buffer.writeJSONString(String(text))
            let value = try JSONScanner.scanValue(buffer)
            #expect(value.range == 0..<buffer.readableBytes)
            let decoded = try #require(JSONString.decode(value, in: buffer))
            #expect(Array(decoded.unicodeScalars) == Array(text), "seed \(seed)")
        }
    }
}
