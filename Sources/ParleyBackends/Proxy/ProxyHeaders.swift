public import NIOHTTP1
internal import ParleyModel
internal import ParleyText

/// Which header fields pass the proxy, and which it adds. Source: docs/session-backends.md, "Headers".
public enum ProxyHeaders {
    /// Who has sent a request.
    public struct Peer: Sendable {
        /// The other end of the connection.
        public var address: String
        public var isSecure: Bool
        /// Whether what it says of others who stand before it is believed.
        public var isTrusted: Bool
        /// For whom it speaks, if it is believed; else itself.
        public var client: String

        public init(address: String, isSecure: Bool, isTrusted: Bool, client: String? = nil) {
            self.address = address
            self.isSecure = isSecure
            self.isTrusted = isTrusted
            self.client = client ?? address
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
        isUpgrade: Bool,
        version: HTTPVersion = .http1_1
    ) -> HTTPHeaders {
        let named = Self.connectionOptions(headers)
        // What a parser has let through, and what we say, needs no check.
        var result: [(String, String)] = []
        result.reserveCapacity(headers.count + 13)
        var forwarded = ForwardedFields()
        var via: [String] = []
        for (name, value) in headers {
            if Self.isHopByHop(name) || !named.isEmpty && named.contains(name.lowercased()) { continue }
            if name.isName("via") {
                via.append(value)
                continue
            }
            // Clients of HTTP/1.0 cannot mean it (RFC 9110 §10.1.1).
            if version == .http1_0, name.isName("expect") { continue }
            switch RequestField(name) {
            case .own: continue
            case .forwarding: if peer.isTrusted { forwarded.take(name, value) }
            case .other: result.append((name, value))
            }
        }
        if isUpgrade {
            result.append(("Connection", "Upgrade"))
            for value in headers["Upgrade"] { result.append(("Upgrade", value)) }
        } else if headers.contains(name: "Transfer-Encoding") {
            result.append(("Transfer-Encoding", "chunked"))
        }
        // RFC 9110 §7.6.3: whoever is on the way says so.
        let hop = version == .http1_1 ? Self.usualHop : "\(version.major).\(version.minor) \(Self.server)"
        result.append(("via", via.isEmpty ? hop : (via + [hop]).joined(separator: ", ")))
        if let user = route.user { result.append(("x-verified-username", HeaderBytes.escaped(user))) }
        if let userData = route.userData { result.append(("x-verified-user-data", userData)) }
        result.append(("x-verified-path", String(path)))
        result.append(("x-verified-backend", route.backend.text))
        result.append(("x-verified-secret", route.secret ?? ""))
        forwarded.append(to: &result, from: peer, host: headers.first(name: "Host"))
        return HTTPHeaders(result)
    }

    /// Fields behind a body that say nothing of the message itself (RFC 9110 §6.5.1).
    public static func trailers(_ headers: HTTPHeaders) -> HTTPHeaders {
        HTTPHeaders(
            headers.filter { name, _ in
                !Self.isHopByHop(name) && !Self.endToEnd.contains(name.lowercased()) && !name.isName("set-cookie")
            }.map { ($0.name, $0.value) }
        )
    }

    /// The fields that the client gets, those of the message's framing left to the caller.
    public static func response(_ headers: HTTPHeaders, of backend: BackendID, isUpgrade: Bool) -> HTTPHeaders {
        let named = Self.connectionOptions(headers)
        var result: [(String, String)] = []
        // Three more say when it was made, how it is framed, and whether the connection is kept.
        result.reserveCapacity(headers.count + 8)
        var hasCrossOriginRules = false
        for (name, value) in headers {
            if Self.isHopByHop(name) || !named.isEmpty && named.contains(name.lowercased()) { continue }
            if name.isName("server") { continue }
            if name.utf8.count > 20, Self.crossOrigin.contains(where: { $0.name == name.lowercased() }) {
                hasCrossOriginRules = true
            }
            result.append((name, value))
        }
        if isUpgrade {
            result.append(("Connection", "Upgrade"))
            for value in headers["Upgrade"] { result.append(("Upgrade", value)) }
        }
        result.append(("Server", Self.server))
        result.append(("x-plane-backend-id", backend.text))
        if !hasCrossOriginRules, !isUpgrade {
            for field in Self.crossOrigin { result.append((field.name, field.value)) }
        }
        return HTTPHeaders(result)
    }

    public static let server = "parley"
    private static let usualHop = "1.1 \(server)"

    /// For answers that say nothing of other origins, and for our own refusals.
    public static let crossOrigin: [(name: String, value: String)] = [
        ("access-control-allow-origin", "*"), ("access-control-allow-methods", "*"),
        ("access-control-allow-headers", "*, Authorization"),
    ]

    /// Whether a request wants another protocol (RFC 9110 §7.8) that a backend may agree to.
    public static func isUpgrade(_ headers: HTTPHeaders) -> Bool {
        Self.connectionOptions(headers).contains("upgrade") && headers.contains(name: "Upgrade")
            && !headers["Upgrade"].contains { offers in offers.split(ascii: ",").contains(where: Self.isReserved) }
    }

    /// HTTP/2 would carry requests past every rule here, and TLS is not between a client and a backend.
    private static func isReserved(_ offer: Substring) -> Bool {
        let name = offer.trimmingOptionalWhiteSpace.lowercased()
        return name.hasPrefix("h2") || name.hasPrefix("tls") || name.hasPrefix("http")
    }

    /// Fields that say how long a message is or whom it is for: no sender can make them disappear on the way by naming them
    /// in Connection, as the message would be another then.
    private static let endToEnd: Set<String> = [
        "content-length", "content-type", "content-encoding", "content-range", "host", "authorization", "cookie",
        "set-cookie", "cache-control", "date",
    ]

    private static func connectionOptions(_ headers: HTTPHeaders) -> Set<String> {
        let values = headers["Connection"]
        guard !values.isEmpty else { return [] }
        return Set(
            values.flatMap { $0.split(ascii: ",") }.map { option in
                String(option.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }).lowercased()
            }
        ).subtracting(Self.endToEnd)
    }
}

extension String {
    /// Whether it is the name of a field, whose case says nothing.
    /// - Parameter name: In lower case.
    func isName(_ name: StaticString) -> Bool {
        guard self.utf8.count == name.utf8CodeUnitCount else { return false }
        let expected = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return zip(self.utf8, expected).allSatisfy { byte, lowered in
            byte == lowered || (byte | 0x20 == lowered && (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte))
        }
    }
}
