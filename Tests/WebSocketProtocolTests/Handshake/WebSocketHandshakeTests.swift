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
}
