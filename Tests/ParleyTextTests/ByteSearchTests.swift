import Testing

@testable import ParleyText

@Suite struct ByteSearchTests {
    @Test("A byte is found where it stands first", arguments: [0, 1, 7, 8, 9, 31])
    func found(position: Int) {
        var bytes = [UInt8](repeating: 1, count: 32)
        bytes[position] = 10
        bytes[31] = 10
        bytes.withUnsafeBytes { bytes in
            #expect(bytes.firstOffset(of: 10) == position)
            #expect(bytes.firstOffset(of: 10, from: position) == position)
            #expect(bytes.firstOffset(of: 10, from: position + 1) == (position == 31 ? nil : 31))
            #expect(bytes.firstOffset(of: 2) == nil)
        }
    }

    @Test("Nothing is found in nothing")
    func empty() {
        #expect(UnsafeRawBufferPointer(start: nil, count: 0).firstOffset(of: 0) == nil)
        #expect(UnsafeRawBufferPointer(start: nil, count: 0).isASCII)
        #expect(!"".containsByte(0))
    }

    @Test("One byte above 0x7F is enough for bytes to be no ASCII, wherever it stands", arguments: 1...19)
    func ascii(count: Int) {
        let plain = [UInt8](repeating: 0x7F, count: count)
        #expect(plain.withUnsafeBytes { $0.isASCII })
        for position in 0..<count {
            var bytes = plain
            bytes[position] = 0x80
            #expect(!bytes.withUnsafeBytes { $0.isASCII })
        }
    }

    @Test("Short and long texts are searched alike", arguments: ["é", "a text that does not fit into a word: é"])
    func texts(text: String) {
        #expect(text.containsByte(0xC3))
        #expect(text.containsByte(0xA9))
        #expect(!text.containsByte(0xEF))
    }

    @Test(
        "One of two bytes is found where either stands first",
        arguments: [("a/b?c", 1), ("a?b/c", 1), ("/", 0), ("", 0), ("abc", 3), ("é/", 2)]
    )
    func either(text: String, offset: Int) {
        let whole = "x" + text
        let part = whole.dropFirst()
        let index = part.firstIndex(ofByte: UInt8(ascii: "/"), or: UInt8(ascii: "?"))
        #expect(part.utf8.distance(from: part.startIndex, to: index) == offset)
    }
}
