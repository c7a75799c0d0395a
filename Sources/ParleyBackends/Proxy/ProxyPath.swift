internal import ParleyText

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
        guard let path = target[...].rest(after: prefix), path.utf8.first == UInt8(ascii: "/") else { return nil }
        let behind = path[path.utf8.index(after: path.startIndex)...]
        let end = behind.firstIndex(ofByte: UInt8(ascii: "/"), or: UInt8(ascii: "?"))
        guard behind.startIndex < end else { return nil }
        self.token = behind[..<end]
        let rest = behind[end...]
        self.rest = rest.utf8.first == UInt8(ascii: "/") ? String(rest) : "/" + rest
    }
}
