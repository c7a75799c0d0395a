internal import ParleyText

/// Peers that are believed when they say for whom they speak: addresses, and networks as `10.0.0.0/8` (RFC 4632 §3.1,
/// RFC 4291 §2.3).
public struct TrustedProxies: Sendable, Hashable {
    /// A part of the text that is neither.
    public struct ParseFailure: Error, Sendable, Equatable {
        public let part: String
    }

    private struct Network: Sendable, Hashable {
        let address: IPAddress
        /// Bits that an address has in common with it.
        let length: Int

        func contains(_ other: IPAddress) -> Bool {
            guard other.bytes.count == self.address.bytes.count else { return false }
            let whole = self.length / 8
            guard other.bytes[..<whole] == self.address.bytes[..<whole] else { return false }
            let rest = self.length % 8
            return rest == 0 || (other.bytes[whole] ^ self.address.bytes[whole]) >> (8 - rest) == 0
        }
    }

    private let networks: [Network]

    /// Nobody.
    public static let none = TrustedProxies(networks: [])

    private init(networks: [Network]) {
        self.networks = networks
    }

    /// - Parameter text: Addresses and networks, separated by commas.
    public init(_ text: String) throws(ParseFailure) {
        var networks: [Network] = []
        for part in text.split(separator: ",") {
            let part = String(part.trimmingWhiteSpace)
            if part.isEmpty { continue }
            guard let network = Self.network(part) else { throw ParseFailure(part: part) }
            networks.append(network)
        }
        self.networks = networks
    }

    private static func network(_ text: String) -> Network? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return nil }
        // Brackets are usual where an address stands with other things.
        let isBracketed = parts[0].hasPrefix("[") && parts[0].hasSuffix("]")
        guard let address = IPAddress(isBracketed ? parts[0].dropFirst().dropLast() : parts[0]) else { return nil }
        let bits = address.bytes.count * 8
        guard parts.count == 2 else { return Network(address: address, length: bits) }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            var length = Int(parts[1])
        else { return nil }
        // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
        if address.isVersion4, parts[0].contains(":") { length -= 96 }
        return (0...bits).contains(length) ? Network(address: address, length: length) : nil
    }

    package var isEmpty: Bool { self.networks.isEmpty }

    func contains(_ address: IPAddress) -> Bool { self.networks.contains { $0.contains(address) } }
}
