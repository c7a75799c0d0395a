import NIOCore
import Testing

@testable import ParleyModel

@Suite struct HeaderBytesTests {
    static let rows: [[UInt8]] = [
        Array("plain".utf8), Array("caf\u{E9} \u{20AC} \u{1F600}".utf8), [0x63, 0xE9], [0xC3, 0x28], [0xE2, 0x82],
        [0xF0, 0x9F, 0x98],
        [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF, 0xFE], Array(0x80...0xFF),
        [0xC3, 0xA9, 0xE9, 0xC3, 0xA9],
        Array("\u{F780}\u{F7FF}\u{FFFD}".utf8), [0xEF, 0xBF], Array("\u{F77F}\u{F800}\u{FFFE}".utf8), [],
    ]

    @Test("Bytes come out as they went in, by way of text", arguments: rows)
    func roundTrip(bytes: [UInt8]) {
        let escaped = HeaderBytes.escape(ByteBuffer(bytes: bytes)) ?? ByteBuffer(bytes: bytes)
        let text = String(buffer: escaped)
        #expect(Array(text.utf8) == Array(escaped.readableBytesView))
        #expect(!HeaderBytes.isLossy(text))
        var written = ByteBuffer()
        HeaderBytes.write(text, to: &written)
        #expect(Array(written.readableBytesView) == bytes)
    }

    @Test("Text stays text", arguments: ["plain", "caf\u{E9}", "\u{20AC}\u{1F600}", "\u{F77F}\u{F800}"])
    func text(_ text: String) {
        #expect(HeaderBytes.escape(ByteBuffer(string: text)) == nil)
        #expect(HeaderBytes.escaped(text) == text)
    }

    @Test("What a parser has lost is seen")
    func lossy() {
        #expect(HeaderBytes.isLossy(String(decoding: [0x63, 0xE9] as [UInt8], as: UTF8.self)))
        #expect(!HeaderBytes.isLossy("caf\u{E9}"))
    }
}
