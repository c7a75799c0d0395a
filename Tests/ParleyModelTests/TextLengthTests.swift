import NIOCore
import Testing

@testable import ParleyModel

@Suite struct TextLengthTests {
    @Test(
        "Text is as long as in a browser",
        arguments: ["", "a", "abc", "é", "e\u{301}", "日本語", "😀", "👩‍👩‍👧", "a😀é𝄞", "\u{10ffff}", "\u{ffff}", "\u{0}"]
    )
    func utf16(text: String) {
        #expect(TextLength.utf16(of: ByteBuffer(string: text)) == text.utf16.count)
        #expect(TextLength.isUTF8(ByteBuffer(string: text)))
    }

    @Test("Only readable bytes count")
    func readable() {
        var buffer = ByteBuffer(string: "😀abc")
        buffer.moveReaderIndex(forwardBy: 4)
        #expect(TextLength.utf16(of: buffer) == 3)
    }

    @Test(
        "Bytes that are no UTF-8 are told",
        arguments: [
            [0x80], [0xff], [0xc3], [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
            [0x61, 0xe2, 0x82],
        ] as [[UInt8]]
    )
    func notUTF8(bytes: [UInt8]) {
        #expect(!TextLength.isUTF8(ByteBuffer(bytes: bytes)))
    }
}
