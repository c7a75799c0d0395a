package import NIOCore
internal import NIOHTTP1
internal import ParleyText

/// Where a client is: the other end of its connection, or behind proxies that are believed where they say it is.
///
/// Each proxy adds the address of its own peer at the end of `X-Forwarded-For` (or of `Forwarded`, RFC 7239 §4). What stands
/// at the right was said by the last of them; the first address from there that is no trusted proxy is the client, and
/// whatever stands left of it is what the client says.
struct ClientAddress: Equatable {
    /// `nil`: nobody knows. A proxy that is believed speaks for somebody and does not say for whom, so that it is not the proxy
    /// itself either, nor this machine.
    let address: SocketAddress?
    /// Whether the peer is believed.
    let isPeerTrusted: Bool

    /// - Parameters:
    ///   - peer: The other end of the connection.
    ///   - headers: Of the request.
    init(peer: SocketAddress?, _ headers: HTTPHeaders, trusting proxies: TrustedProxies) {
        guard !proxies.isEmpty, let peer, let peerAddress = peer.clientIP.flatMap({ IPAddress($0) }),
            proxies.contains(peerAddress)
        else {
            (self.address, self.isPeerTrusted) = (peer, false)
            return
        }
        self.isPeerTrusted = true
        guard let hops = Self.hops(headers) else {
            // It asks for itself.
            self.address = peer
            return
        }
        let client = Self.client(hops, trusting: proxies)
        self.address = client.flatMap { try? SocketAddress(ipAddress: $0.text, port: peer.port ?? 0) }
    }

    /// - Parameter hops: The nearest first; `nil`: something that is no address.
    /// - Returns: `nil`: nobody knows.
    private static func client(_ hops: [IPAddress?], trusting proxies: TrustedProxies) -> IPAddress? {
        var client: IPAddress?
        for hop in hops {
            // "unknown", a name, garbage: nothing behind it can be believed, and what stands before it is a proxy.
            guard let hop else { return nil }
            client = hop
            guard proxies.contains(hop) else { return client }
        }
        return client
    }

    /// Fields of proxies that do not say where the client is, but that there is one.
    private static let otherFields = [
        "Via", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
    ]

    /// What proxies say, the nearest first; `nil`: nothing at all. One field alone: a proxy that writes one passes the others as
    /// they came.
    private static func hops(_ headers: HTTPHeaders) -> [IPAddress?]? {
        let addresses = headers["X-Forwarded-For"]
        if !addresses.isEmpty {
            return Self.elements(addresses, mayBeQuoted: false).map { Self.address($0) }
        }
        let elements = headers["Forwarded"]
        if !elements.isEmpty { return Self.elements(elements, mayBeQuoted: true).map(Self.forwardedFor) }
        if let address = headers.first(name: "X-Real-IP") { return [Self.address(address[...])] }
        return Self.otherFields.contains(where: headers.contains(name:)) ? [nil] : nil
    }

    /// How many are looked at: no chain of proxies is longer.
    private static let maximumHops = 32

    /// The last first. A comma between quotes is none where there are quotations: X-Forwarded-For has none, and one that a client
    /// begins and does not end must not hide what proxies have added.
    private static func elements(_ values: [String], mayBeQuoted: Bool) -> [Substring] {
        var elements: [Substring] = []
        for value in values {
            let list = QuotedList.elements(of: value[...], separatedBy: UInt8(ascii: ","))
            elements +=
                mayBeQuoted && !list.isOpen
                ? list.elements
                : value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { Substring($0) }
        }
        return elements.suffix(Self.maximumHops).reversed()
    }

    /// The `for` of an element, as `for="[2001:db8::1]:4711";proto=https`.
    private static func forwardedFor(_ element: Substring) -> IPAddress? {
        for pair in QuotedList.elements(of: element, separatedBy: UInt8(ascii: ";")).elements {
            guard let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")),
                pair[..<equals].trimmingOptionalWhiteSpace.lowercased() == "for"
            else { continue }
            var value = pair[pair.utf8.index(after: equals)...].trimmingOptionalWhiteSpace
            if value.hasPrefix("\""), value.hasSuffix("\""), value.utf8.count >= 2 {
                value = value.dropFirst().dropLast()
            }
            return Self.address(value)
        }
        return nil
    }

    /// An address, perhaps with a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
    private static func address(_ text: Substring) -> IPAddress? {
        let text = text.trimmingOptionalWhiteSpace
        if let address = IPAddress(text) { return address }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || Self.isPort(rest) else { return nil }
            return IPAddress(text[text.index(after: text.startIndex)..<end])
        }
        guard let colon = text.firstIndex(of: ":"), Self.isPort(text[colon...]) else { return nil }
        return IPAddress(text[..<colon])
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && (2...6).contains(text.utf8.count)
            && text.dropFirst().utf8.allSatisfy(\.isASCIIDigit)
    }
}

extension SocketAddress {
    /// The IP address as people write it: an IPv4 client of an IPv6 socket has its own address (RFC 4291 §2.5.5.2).
    package var clientIP: String? {
        self.ipAddress.map { $0.hasPrefix("::ffff:") ? String($0.dropFirst("::ffff:".count)) : $0 }
    }
}
