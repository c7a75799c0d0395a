import NIOCore
import Testing

@testable import ParleyDialects

/// Tests of `Payload+Text.swift` beyond those of shared spaces.
@Suite struct PayloadTextTests {
    @Test(
        "Base64 is that of RFC 4648 §10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ]
    )
    func base64(text: String, encoded: String) {
        #expect(String(buffer: Base64.encode(ByteBuffer(string: text))) == encoded)
    }

    @Test("Base64 has plus and slash")
    func alphabet() {
        #expect(String(buffer: Base64.encode(ByteBuffer(bytes: [0xfb, 0xff, 0xbf]))) == "+/+/")
    }
}
