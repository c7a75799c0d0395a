public import NIOHTTP1

/// Which header fields pass the proxy, and which it adds. Source: docs/session-backends.md, "Headers".
public enum ProxyHeaders {
    /// Who has sent a request.
    public struct Peer: Sendable {
        public var address: String
        public var isSecure: Bool
        /// Whether what it says of others who stand before it is believed.
        public var isTrusted: Bool

        public init(address: String, isSecure: Bool, isTrusted: Bool) {
            self.address = address
            self.isSecure = isSecure
            self.isTrusted = isTrusted
        }
    }

    /// Of one connection alone (RFC 9110 §7.6.1).
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// Most fields are told apart by their length.
    private static func isHopByHop(_ name: String) -> Bool {
        switch name.utf8.count {
        case 2: name.isName("te")
        case 7: name.isName("trailer") || name.isName("upgrade")
        case 10: name.isName("connection") || name.isName("keep-alive")
        case 16: name.isName("proxy-connection")
        case 17: name.isName("transfer-encoding")
        case 18, 19: Self.hopByHop.contains(name.lowercased())
        default: false
        }
    }

    /// The fields that the backend gets.
    /// - Parameters:
    ///   - path: As the client sent it, without the query.
    ///   - isUpgrade: Whether the client wants another protocol: then the fields that say so pass.
    public static func request(
        _ headers: HTTPHeaders,
        for route: BackendRoute,
        path: Substring,
        from peer: Peer,
        isUpgrade: Bool
    ) -> HTTPHeaders {
        let named = Self.connectionOptions(headers)
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count + 8)
        var forwardedFor: [String] = []
        var forwardedProtocol: String?
        for (name, value) in headers {
            let lowered = name.lowercased()
            if Self.hopByHop.contains(lowered) || named.contains(lowered) || lowered.hasPrefix("x-verified-") {
                continue
            }
            switch lowered {
            case "x-forwarded-for": forwardedFor.append(value)
            case "x-forwarded-proto": forwardedProtocol = value
            default: result.add(name: name, value: value)
            }
        }
        if isUpgrade {
            result.add(name: "Connection", value: "Upgrade")
            for value in headers["Upgrade"] { result.add(name: "Upgrade", value: value) }
        } else if headers.contains(name: "Transfer-Encoding") {
            result.add(name: "Transfer-Encoding", value: "chunked")
        }
        if let user = route.user { result.add(name: "x-verified-username", value: user) }
        if let userData = route.userData { result.add(name: "x-verified-user-data", value: userData) }
        result.add(name: "x-verified-path", value: String(path))
        result.add(name: "x-verified-backend", value: route.backend.text)
        result.add(name: "x-verified-secret", value: route.secret ?? "")
        let isChain = peer.isTrusted && !forwardedFor.isEmpty
        result.add(
            name: "x-forwarded-for",
            value: isChain ? (forwardedFor + [peer.address]).joined(separator: ", ") : peer.address
        )
        let ownProtocol = peer.isSecure ? "https" : "http"
        result.add(name: "x-forwarded-proto", value: peer.isTrusted ? forwardedProtocol ?? ownProtocol : ownProtocol)
        return result
    }

    /// The fields that the client gets, those of the message's framing left to the caller.
    public static func response(_ headers: HTTPHeaders, of backend: BackendID, isUpgrade: Bool) -> HTTPHeaders {
        let named = Self.connectionOptions(headers)
        var result = HTTPHeaders()
        result.reserveCapacity(headers.count + 6)
        var hasCrossOriginRules = false
        for (name, value) in headers {
            if Self.isHopByHop(name) || !named.isEmpty && named.contains(name.lowercased()) { continue }
            if name.isName("server") { continue }
            if name.utf8.count > 20, Self.crossOrigin.contains(where: { $0.name == name.lowercased() }) {
                hasCrossOriginRules = true
            }
            result.add(name: name, value: value)
        }
        if isUpgrade {
            result.add(name: "Connection", value: "Upgrade")
            for value in headers["Upgrade"] { result.add(name: "Upgrade", value: value) }
        }
        result.add(name: "Server", value: Self.server)
        result.add(name: "x-plane-backend-id", value: backend.text)
        if !hasCrossOriginRules, !isUpgrade {
            for field in Self.crossOrigin { result.add(name: field.name, value: field.value) }
        }
        return result
    }

    public static let server = "parley"

    /// For answers that say nothing of other origins, and for our own refusals.
    public static let crossOrigin: [(name: String, value: String)] = [
        ("access-control-allow-origin", "*"), ("access-control-allow-methods", "*"),
        ("access-control-allow-headers", "*, Authorization"),
    ]

    /// Whether a request wants another protocol (RFC 9110 §7.8).
    public static func isUpgrade(_ headers: HTTPHeaders) -> Bool {
        // HTTP/2 would carry requests past every rule here.
        Self.connectionOptions(headers).contains("upgrade") && headers.contains(name: "Upgrade")
            && !headers["Upgrade"].contains { $0.lowercased().contains("h2c") }
    }

    /// Fields that say how long a message is or whom it is for: no sender can make them disappear on the way by naming them
    /// in Connection, as the message would be another then.
    private static let endToEnd: Set<String> = ["content-length", "content-type", "host", "authorization", "cookie"]

    private static func connectionOptions(_ headers: HTTPHeaders) -> Set<String> {
        let values = headers["Connection"]
        guard !values.isEmpty else { return [] }
        return Set(
            values.flatMap { $0.split(separator: ",") }.map { option in
                String(option.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }).lowercased()
            }
        ).subtracting(Self.endToEnd)
    }
}

extension String {
    /// Whether it is the name of a field, whose case says nothing.
    /// - Parameter name: In lower case.
    fileprivate func isName(_ name: StaticString) -> Bool {
        guard self.utf8.count == name.utf8CodeUnitCount else { return false }
        let expected = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return zip(self.utf8, expected).allSatisfy { byte, lowered in
            byte == lowered || (byte | 0x20 == lowered && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte))
        }
    }
}
