/// The target of a proxied request: which token, and what the backend is asked for.
public struct ProxyPath: Sendable, Equatable {
    public let token: Substring
    /// Path and query for a backend that does not know its token, byte for byte as they came: begins with `/`.
    public let rest: String

    /// - Parameters:
    ///   - target: Path and query of the request (origin form, RFC 9112 §3.2.1).
    ///   - prefix: What stands before the token on a shared port; without a slash at its end.
    /// - Returns: `nil` when there is no token.
    public init?(_ target: String, under prefix: String = "") {
        // By bytes: to Swift a slash with an accent behind it is another character.
        let bytes = target.utf8
        guard bytes.starts(with: prefix.utf8), case let path = bytes.dropFirst(prefix.utf8.count),
            path.first == UInt8(ascii: "/")
        else { return nil }
        let token = path.dropFirst().prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !token.isEmpty else { return nil }
        self.token = Substring(token)
        let rest = bytes[token.endIndex...]
        self.rest = rest.first == UInt8(ascii: "/") ? String(Substring(rest)) : "/" + Substring(rest)
    }
}
