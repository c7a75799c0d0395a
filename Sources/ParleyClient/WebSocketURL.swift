internal import ParleyModel
internal import ParleyText

/// Where a WebSocket server is: the parts of a `ws:` or `wss:` URL (RFC 6455 §3).
///
/// `http:` and `https:` mean the same two. Characters that a request line cannot hold, spaces and letters outside of ASCII
/// for instance, are percent-encoded; what is encoded already stays.
public struct WebSocketURL: Sendable, Hashable, CustomStringConvertible {
    /// Whether TLS is spoken.
    public var isSecure: Bool
    /// A name or an address; an IPv6 address without brackets.
    public var host: String
    public var port: Int
    /// Starts with a slash; percent-encoded.
    public private(set) var path: String
    /// Without the question mark; percent-encoded. `nil`: none.
    public private(set) var query: String?

    /// - Throws: ``WebSocketClientError`` with `invalidURL`.
    public init(_ text: String) throws {
        guard let separator = text.firstIndex(of: ":"), text[separator...].hasPrefix("://") else {
            throw Self.error(text, "expected ws://host:port/path or wss://…")
        }
        switch text[..<separator].lowercased() {
        case "ws", "http": self.isSecure = false
        case "wss", "https": self.isSecure = true
        default: throw Self.error(text, "the scheme must be ws or wss")
        }
        let rest = text[separator...].dropFirst(3)
        guard !rest.contains("#") else { throw Self.error(text, "a WebSocket URL has no fragment, write %23 for '#'") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@") else {
            throw Self.error(text, "credentials go into an Authorization header, not into the URL")
        }
        guard let (host, port) = Self.split(authority) else { throw Self.error(text, "expected host or host:port") }
        self.host = host
        self.port = port ?? (self.isSecure ? 443 : 80)
        let target = rest[authority.endIndex...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = target.first.map { PercentEncoding.encode($0, keeping: Self.isAllowedInURL) } ?? ""
        self.path = path.isEmpty ? "/" : path
        self.query = target.count > 1 ? PercentEncoding.encode(target[1], keeping: Self.isAllowedInURL) : nil
    }

    /// Path and query as the request line has them.
    public var target: String { self.query.map { "\(self.path)?\($0)" } ?? self.path }

    /// Host and port as the `Host` header has them: the port only where it is not the scheme's own.
    public var authority: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    public var description: String { "\(self.isSecure ? "wss" : "ws")://\(self.authority)\(self.target)" }

    /// The same place with one more query parameter, percent-encoded.
    public func appending(query name: String, _ value: String) -> WebSocketURL {
        var url = self
        let item = "\(PercentEncoding.encode(name))=\(PercentEncoding.encode(value))"
        url.query = self.query.map { $0.isEmpty ? item : "\($0)&\(item)" } ?? item
        return url
    }

    /// The place below this one, the segment percent-encoded: `/relay` and `a/b` give `/relay/a%2Fb`.
    public func appending(pathSegment segment: String) -> WebSocketURL {
        var url = self
        if !url.path.hasSuffix("/") { url.path += "/" }
        url.path += PercentEncoding.encode(segment)
        return url
    }
}

extension WebSocketURL {
    private static func error(_ text: String, _ expectation: String) -> WebSocketClientError {
        WebSocketClientError(.invalidURL, "cannot use the URL '\(HTTPURL.shown(text))': \(expectation)")
    }

    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var host = authority
        var port: Int?
        let isBracketed = authority.hasPrefix("[")
        let colon = authority.lastIndex(of: ":")
        if let colon, !isBracketed || authority[..<colon].hasSuffix("]") {
            host = authority[..<colon]
            let digits = authority[colon...].dropFirst()
            if !digits.isEmpty {
                guard let number = HostAndPort.port(digits.utf8) else { return nil }
                port = number
            }
        }
        if isBracketed {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        let isClean = host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f }
        return host.isEmpty || !isClean ? nil : (String(host), port)
    }

    /// Printable ASCII without those that RFC 3986 leaves out of URLs.
    private static func isAllowedInURL(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            false
        default: byte > 0x20 && byte < 0x7f
        }
    }
}
