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
        guard target.hasPrefix(prefix + "/") else { return nil }
        let path = target.dropFirst(prefix.count + 1)
        let token = path.prefix { $0 != "/" && $0 != "?" }
        guard !token.isEmpty else { return nil }
        self.token = token
        let rest = path[token.endIndex...]
        self.rest = rest.hasPrefix("/") ? String(rest) : "/" + rest
    }
}
