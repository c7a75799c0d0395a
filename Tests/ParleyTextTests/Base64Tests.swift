import ParleyText
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10, and what needs all of the alphabet.
    static let vectors: [(bytes: [UInt8], text: String)] = [
        ([], ""), (Array("f".utf8), "Zg=="), (Array("fo".utf8), "Zm8="), (Array("foo".utf8), "Zm9v"),
        (Array("foob".utf8), "Zm9vYg=="), (Array("fooba".utf8), "Zm9vYmE="), (Array("foobar".utf8), "Zm9vYmFy"),
        ([1, 2, 3], "AQID"), ([0], "AA=="), ([0, 0, 0], "AAAA"), ([0xff], "/w=="), ([0xff, 0xff, 0xff], "////"),
        ([0xfb, 0xef, 0xbe], "++++"), ([0xfb, 0xff, 0xbf], "+/+/"),
        (
            [0x00, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x92, 0x8b, 0x30, 0xd3, 0x8f, 0x41, 0x14, 0x93, 0x51]
                + [0x55, 0x97, 0x61, 0x96, 0x9b, 0x71, 0xd7, 0x9f, 0x82, 0x18, 0xa3, 0x92, 0x59, 0xa7, 0xa2, 0x9a]
                + [0xab, 0xb2, 0xdb, 0xaf, 0xc3, 0x1c, 0xb3, 0xd3, 0x5d, 0xb7, 0xe3, 0x9e, 0xbb, 0xf3, 0xdf, 0xbf],
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        ),
    ]

    /// As it is written for URLs.
    private static func url(_ text: String) -> String {
        text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    @Test("Bytes and their text are found from each other, in both alphabets", arguments: vectors)
    func bothWays(bytes: [UInt8], text: String) {
        #expect(bytes.withUnsafeBytes { Base64.encode($0) } == text)
        #expect(bytes.withUnsafeBytes { Base64.encode($0, alphabet: .url) } == Self.url(text))
        #expect(Base64.encodedCount(bytes.count) == text.utf8.count)
        #expect(Base64.encodedCount(bytes.count, alphabet: .url) == Self.url(text).utf8.count)
        for reading in [Base64.Reading.strict, .lenient] {
            #expect(Base64.decode(text.utf8, reading) == bytes)
            #expect(Base64.decode(Self.url(text).utf8, reading, alphabet: .url) == bytes)
        }
    }

    @Test("Padding may be left out where texts are read leniently", arguments: vectors)
    func withoutPadding(bytes: [UInt8], text: String) {
        let bare = text.filter { $0 != "=" }
        #expect(Base64.decode(bare.utf8, .lenient) == bytes)
        #expect(Base64.decode(bare.utf8, .strict) == (bare == text ? bytes : nil))
        #expect(Base64.decode(Self.url(bare).utf8, .strict, alphabet: .url) == bytes)
    }

    @Test(
        "Bits left over in the last character are ignored, or refused",
        arguments: [("Zh==", "f"), ("Zm9=", "fo"), ("Zm9vYh==", "foob"), ("Zm9vYmF=", "fooba")]
    )
    func leftOverBits(text: String, meaning: String) {
        #expect(Base64.decode(text.utf8, .lenient) == Array(meaning.utf8))
        #expect(Base64.decode(text.utf8, .strict) == nil)
        let bare = text.filter { $0 != "=" }
        #expect(Base64.decode(bare.utf8, .lenient, alphabet: .url) == Array(meaning.utf8))
        #expect(Base64.decode(bare.utf8, .strict, alphabet: .url) == nil)
    }

    @Test(
        "What no bytes are written as is refused",
        arguments: [
            "A", "AAAAA", "=", "==", "====", "A===", "AA=", "AAA==", "AAAA=", "AAAA==", "AA==AA==", "A=AA", "=AAA",
            "AAAA====", "AQ D", " AQID", "AQID ", "AQID\n", "AQ\nID", "AQI\u{0}", "AQIé", "AQI\u{7f}", "b4AQ,D", "A*==",
            "AA*=", "AQ.D", "ＡＱＩＤ",
        ]
    )
    func refused(text: String) {
        for reading in [Base64.Reading.strict, .lenient] {
            #expect(Base64.decode(text.utf8, reading) == nil)
            #expect(Base64.decode(text.utf8, reading, alphabet: .url) == nil)
        }
    }

    @Test("An alphabet does not read the other", arguments: [Base64.Reading.strict, .lenient])
    func otherAlphabet(_ reading: Base64.Reading) {
        #expect(Base64.decode("-_-_".utf8, reading) == nil)
        #expect(Base64.decode("+/+/".utf8, reading, alphabet: .url) == nil)
        #expect(Base64.decode("Zg==".utf8, .strict, alphabet: .url) == nil)
    }

    @Test("Every byte has its way back, at every place of a group and every length", arguments: 0..<70)
    func roundTrip(count: Int) {
        for first in UInt8.min ... .max {
            let bytes = (0..<count).map { first &+ UInt8($0) &* 37 }
            let text = bytes.withUnsafeBytes { Base64.encode($0) }
            #expect(Base64.decode(text.utf8, .strict) == bytes)
        }
    }

    @Test("Text that does not lie in one piece is read, too")
    func pieces() {
        #expect(Base64.decode("Zm9v".utf8.lazy.map { $0 }, .strict) == Array("foo".utf8))
    }

    @Test("The digits are 64")
    func digits() {
        #expect((UInt8.min ... .max).filter(Base64.isDigit).count == 64)
        #expect(!Base64.isDigit(UInt8(ascii: "=")))
    }
}
