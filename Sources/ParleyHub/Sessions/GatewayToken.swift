/// Tokens of gateway sessions: 32 random bytes in base64url without padding, 43 characters (RFC 4648 §5).
public enum GatewayToken {
    public static let length = 43

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// - Parameter random: Must be fit for secrets, as `SystemRandomNumberGenerator` is.
    public static func make(using random: inout some RandomNumberGenerator) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        for _ in 0..<4 {
            let word: UInt64 = random.next()
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return String(unsafeUninitializedCapacity: Self.length) { text in
            for index in 0..<Self.length {
                // Six bits that may begin in one byte and end in the next; behind the last byte come zeros.
                let bit = index * 6
                let high = UInt16(bytes[bit / 8]) << 8
                let low = bit / 8 + 1 < bytes.count ? UInt16(bytes[bit / 8 + 1]) : 0
                text[index] = Self.alphabet[Int(((high | low) << (bit % 8)) >> 10)]
            }
            return Self.length
        }
    }

    /// How a token may be shown to people: `***` and its last four characters.
    public static func masked(_ token: String) -> String { "***" + token.suffix(4) }
}
