import NIOCore
import Testing

@testable import EngineIO

@Suite struct Base64Tests {
    /// RFC 4648, section 10, and what needs all of the alphabet.
    static let vectors: [(bytes: [UInt8], text: String)] = [
        ([], ""), (Array("f".utf8), "Zg=="), (Array("fo".utf8), "Zm8="), (Array("foo".utf8), "Zm9v"),
        (Array("foob".utf8), "Zm9vYg=="), (Array("fooba".utf8), "Zm9vYmE="), (Array("foobar".utf8), "Zm9vYmFy"),
        ([1, 2, 3], "AQID"), ([0], "AA=="), ([0, 0, 0], "AAAA"), ([0xff], "/w=="), ([0xff, 0xff, 0xff], "////"),
        ([0xfb, 0xef, 0xbe], "++++"),
        (
            [0x00, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x92, 0x8b, 0x30, 0xd3, 0x8f, 0x41, 0x14, 0x93, 0x51]
                + [0x55, 0x97, 0x61, 0x96, 0x9b, 0x71, 0xd7, 0x9f, 0x82, 0x18, 0xa3, 0x92, 0x59, 0xa7, 0xa2, 0x9a]
                + [0xab, 0xb2, 0xdb, 0xaf, 0xc3, 0x1c, 0xb3, 0xd3, 0x5d, 0xb7, 0xe3, 0x9e, 0xbb, 0xf3, 0xdf, 0xbf],
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        ),
    ]

    @Test("Bytes and their text are found from each other", arguments: vectors)
    func bothWays(bytes: [UInt8], text: String) {
        var buffer = ByteBuffer(string: "before ")
        Base64.encode(ByteBuffer(bytes: bytes), into: &buffer)
        #expect(String(buffer: buffer) == "before " + text)
        #expect(Base64.encodedCount(bytes.count) == text.utf8.count)
        #expect(Base64.decode(ByteBuffer(string: text)) == ByteBuffer(bytes: bytes))
    }

    @Test("Padding may be left out", arguments: vectors)
    func withoutPadding(bytes: [UInt8], text: String) {
        let bare = text.filter { $0 != "=" }
        #expect(Base64.decode(ByteBuffer(string: bare)) == ByteBuffer(bytes: bytes))
    }

    @Test("Left-over bits of the last character are ignored", arguments: [("Zh==", "f"), ("Zh", "f"), ("Zm9=", "fo")])
    func leftOverBits(text: String, meaning: String) {
        #expect(Base64.decode(ByteBuffer(string: text)) == ByteBuffer(string: meaning))
    }

    @Test(
        "What no bytes are written as is refused",
        arguments: [
            "A", "AAAAA", "=", "==", "====", "A===", "AA=", "AAA==", "AAAA=", "AAAA==", "AA==AA==", "A=AA", "=AAA",
            "AAAA====",
            "AQ-_", "AQ D", " AQID", "AQID ", "AQID\n", "AQ\nID", "AQI\u{0}", "AQIé", "AQI\u{7f}", "b4AQ,D", "A*==",
            "AA*=",
        ]
    )
    func refused(text: String) {
        #expect(Base64.decode(ByteBuffer(string: text)) == nil)
    }

    @Test("Every byte has its way back, at every place of a group and every length", arguments: 0..<70)
    func roundTrip(count: Int) {
        for first in UInt8.min ... .max {
            let bytes = ByteBuffer(bytes: (0..<count).map { first &+ UInt8($0) &* 37 })
            var text = ByteBuffer()
            Base64.encode(bytes, into: &text)
            #expect(Base64.decode(text) == bytes)
        }
    }

    @Test("Only the readable bytes count")
    func readableBytes() {
        var bytes = ByteBuffer(string: "xxfoobar")
        bytes.moveReaderIndex(forwardBy: 2)
        var text = ByteBuffer(string: "yyy")
        text.moveReaderIndex(forwardBy: 3)
        Base64.encode(bytes, into: &text)
        #expect(String(buffer: text) == "Zm9vYmFy")
        #expect(Base64.decode(text) == ByteBuffer(string: "foobar"))
    }
}
