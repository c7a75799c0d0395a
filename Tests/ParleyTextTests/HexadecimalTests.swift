import ParleyText
import Testing

@Suite struct HexadecimalTests {
    /// RFC 4648, section 10.
    static let vectors: [(text: String, digits: String)] = [
        ("", ""), ("f", "66"), ("fo", "666F"), ("foo", "666F6F"), ("foob", "666F6F62"), ("fooba", "666F6F6261"),
        ("foobar", "666F6F626172"),
    ]

    @Test("Bytes are two digits each, read in either case", arguments: vectors)
    func bothWays(text: String, digits: String) {
        #expect(Hexadecimal.encode(text.utf8) == digits.lowercased())
        #expect(Hexadecimal.decode(digits) == Array(text.utf8))
        #expect(Hexadecimal.decode(digits.lowercased()) == Array(text.utf8))
    }

    @Test("Every byte has its way back")
    func roundTrip() {
        let bytes = Array(UInt8.min ... .max)
        #expect(Hexadecimal.decode(Hexadecimal.encode(bytes)) == bytes)
        for byte in bytes {
            #expect(Hexadecimal.value(of: Hexadecimal.digit(byte)) == byte & 15)
            #expect(Hexadecimal.value(of: Hexadecimal.upperDigit(byte)) == byte & 15)
        }
        #expect(bytes.filter { Hexadecimal.value(of: $0) != nil }.count == 22)
    }

    @Test(
        "White space between digits is passed over",
        arguments: [
            ("00 0F\tff", [0, 15, 255]), (" 0 0\r\n", [0]), ("   ", []),
        ] as [(String, [UInt8])]
    )
    func whiteSpace(text: String, bytes: [UInt8]) {
        #expect(Hexadecimal.decode(text) == bytes)
    }

    @Test(
        "What is no pairs of digits is refused",
        arguments: ["0", "000", "0g", "0x00", "+1", "-1", "00,01", "é", "0\u{301}0", "００", "٠٠", "0\u{A0}0"]
    )
    func refused(text: String) {
        #expect(Hexadecimal.decode(text) == nil)
    }

    @Test("A code unit has four digits", arguments: [(0, "0000"), (0x1F, "001f"), (0xD83D, "d83d"), (0xFFFF, "ffff")])
    func unit(_ unit: UInt16, text: String) {
        #expect(Hexadecimal.encode(unit: unit) == text)
    }
}
