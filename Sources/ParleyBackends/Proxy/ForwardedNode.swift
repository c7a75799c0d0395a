internal import NIOCore
internal import ParleyText

/// Somebody on the way of a request, as an element of `Forwarded` names them (RFC 7239 §6): by an address, perhaps with a port,
/// by a name of their own that begins with `_`, or not at all.
struct ForwardedNode: Equatable {
    /// As the value of `for`, quoted where it has to be.
    let text: String

    /// - Parameter claim: An entry of `X-Forwarded-For`: an address, one with a port (IPv6 in brackets), or something else.
    init(claim: Substring) {
        self.text = Self.address(claim) ?? (Self.isObfuscated(claim) ? String(claim) : "unknown")
    }

    /// - Parameter address: Of a peer: as the system writes it.
    init(address: String) {
        let isVersion4 = address.utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
        self.text = isVersion4 && !address.isEmpty ? address : Self.address(address[...]) ?? "unknown"
    }

    /// - Returns: `nil`: it is no address.
    private static func address(_ claim: Substring) -> String? {
        let bytes = claim.utf8
        // None is longer, with a port.
        guard bytes.count <= 53, let first = bytes.first else { return nil }
        if first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let inner = claim[bytes.index(after: bytes.startIndex)..<end]
            let port = claim[bytes.index(after: end)...]
            return Self.isVersion6(inner) && (port.isEmpty || Self.isPort(port)) ? "\"\(claim)\"" : nil
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
            return Self.isVersion4(claim) ? String(claim) : nil
        }
        if Self.isPort(claim[colon...]) { return Self.isVersion4(claim[..<colon]) ? "\"\(claim)\"" : nil }
        return Self.isVersion6(claim) ? "\"[\(claim)]\"" : nil
    }

    private static func isVersion4(_ text: Substring) -> Bool {
        guard case .v4 = try? SocketAddress(ipAddress: String(text), port: 0) else { return false }
        return true
    }

    private static func isVersion6(_ text: Substring) -> Bool {
        guard case .v6 = try? SocketAddress(ipAddress: String(text), port: 0) else { return false }
        return true
    }

    /// With its colon.
    private static func isPort(_ text: Substring) -> Bool {
        (2...6).contains(text.utf8.count) && text.utf8.first == UInt8(ascii: ":")
            && text.utf8.dropFirst().allSatisfy(\.isASCIIDigit)
    }

    /// RFC 7239 §6.3.
    private static func isObfuscated(_ text: Substring) -> Bool {
        text.utf8.first == UInt8(ascii: "_") && (2...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-".utf8.contains($0) }
    }
}
