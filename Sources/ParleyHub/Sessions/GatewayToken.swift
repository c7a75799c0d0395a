internal import ParleyText

/// Tokens of gateway sessions: 32 random bytes in base64url without padding, 43 characters (RFC 4648 §5).
public enum GatewayToken {
    public static let length = 43

    /// - Parameter random: Must be fit for secrets, as `SystemRandomNumberGenerator` is.
    public static func make(using random: inout some RandomNumberGenerator) -> String {
        let words = (0..<4).map { _ in (random.next() as UInt64).bigEndian }
        return words.withUnsafeBytes { Base64.encode($0, alphabet: .url) }
    }

    /// How a token may be shown to people: `***` and its last four characters.
    public static func masked(_ token: String) -> String { "***" + token.suffix(4) }
}
