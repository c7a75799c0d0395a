import Testing

@testable import ParleyHub

/// Tests of `GatewayToken.swift`.
@Suite struct GatewayTokenTests {
    struct Counting: RandomNumberGenerator {
        var words: [UInt64]

        mutating func next() -> UInt64 { self.words.removeFirst() }
    }

    @Test(
        "A token is 32 bytes in base64url, most significant first",
        arguments: [
            ([0, 0, 0, 0], String(repeating: "A", count: 43)),
            ([.max, .max, .max, .max], String(repeating: "_", count: 42) + "8"),
            (
                [0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f, 0x1011_1213_1415_1617, 0x1819_1a1b_1c1d_1e1f],
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
            ),
            (
                [0xf0f1_f2f3_f4f5_f6f7, 0xf8f9_fafb_fcfd_feff, 0x5f3e_7d00_0000_0000, 0x0000_0000_0000_00fb],
                "8PHy8_T19vf4-fr7_P3-_18-fQAAAAAAAAAAAAAAAPs"
            ),
        ] as [([UInt64], String)]
    )
    func encoding(words: [UInt64], expected: String) {
        var random = Counting(words: words)
        #expect(GatewayToken.make(using: &random) == expected)
        #expect(expected.count == GatewayToken.length)
    }

    @Test("Tokens do not repeat")
    func unique() {
        var random = SystemRandomNumberGenerator()
        #expect(Set((0..<1000).map { _ in GatewayToken.make(using: &random) }).count == 1000)
    }

    @Test("A masked token shows its last four characters")
    func masked() {
        #expect(GatewayToken.masked("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") == "***dHh8")
    }
}
