import Testing

@testable import WebSocketProtocol

@Suite struct WebSocketHandshakeTests {
    @Test("The accept value is that of RFC 6455 §1.3")
    func acceptValue() {
        #expect(WebSocketHandshake.acceptValue(forKey: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(WebSocketHandshake.acceptValue(forKey: "x3JJHMbDL1EzLkh9GBhXDw==") == "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")
    }

    @Test("A key is made of sixteen bytes")
    func makeKey() {
        #expect(WebSocketHandshake.makeKey(random: "the sample nonce".utf8) == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(WebSocketHandshake.isValidKey(WebSocketHandshake.makeKey(random: [UInt8](repeating: 0xff, count: 16))))
    }

    @Test(
        "A key is valid when it is sixteen bytes in base64",
        arguments: [
            ("dGhlIHNhbXBsZSBub25jZQ==", true), ("AAAAAAAAAAAAAAAAAAAAAA==", true), ("++++////++++////++++//==", true),
            ("", false), ("dGhlIHNhbXBsZSBub25jZQ=", false), ("dGhlIHNhbXBsZSBub25jZQ", false),
            ("dGhlIHNhbXBsZSBub25jZQ===", false), ("dGhlIHNhbXBsZSBub25jZQAA", false),
            ("dGhlIHNhbXBsZSBub25j Q==", false), ("dGhlIHNhbXBsZSBub25j-_==", false),
            ("dGhlIHNhbXBsZSBub25jZ===", false),
            (String(repeating: "A", count: 100_000), false), ("dGhlIHNhbXBsZSBub25jé==", false),
        ]
    )
    func isValidKey(key: String, isValid: Bool) {
        #expect(WebSocketHandshake.isValidKey(key) == isValid)
    }

    @Test(
        "A token is found in a comma-separated list, whole and in any case",
        arguments: [
            ("upgrade", true), ("Upgrade", true), ("keep-alive, Upgrade", true), ("UPGRADE ,foo", true),
            (",,\tupgrade\t,", true), ("", false), (" ", false), ("upgraded", false), ("no-upgrade", false),
            ("up grade", false), ("upgrade;q=1", false), (",", false), ("ùpgrade", false),
        ]
    )
    func containsToken(header: String, expected: Bool) {
        #expect(WebSocketHandshake.containsToken(header, "upgrade") == expected)
    }

    @Test(
        "SHA-1 gives the digests of FIPS 180, with padding into one block and into two",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ]
    )
    func sha1(text: String, hex: String) {
        let digest = Array(text.utf8).withUnsafeBytes { SHA1.digest($0) }
        let words = [digest.0, digest.1, digest.2, digest.3, digest.4]
        let digits = words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }
        #expect(digits.joined() == hex)
    }
}
