/// What backends are told of those who stand before them: `X-Forwarded-*`, `X-Real-IP` and `Forwarded` (RFC 7239).
///
/// Taken from peers that are believed, who say it under its usual names; made anew for all others.
struct ForwardedFields {
    private var addresses: [String] = []
    private var elements: [String] = []
    private var scheme: String?
    private var host: String?
    /// Fields that pass, such as `X-Forwarded-Port`.
    private var others: [(String, String)] = []

    /// Takes what a peer says that is believed.
    mutating func take(_ name: String, _ value: String) {
        if name.isName("x-forwarded-for") {
            self.addresses.append(value)
        } else if name.isName("forwarded") {
            self.elements.append(value)
        } else if name.isName("x-forwarded-proto") {
            self.scheme = value
        } else if name.isName("x-forwarded-host") {
            self.host = value
        } else if FieldSpelling(name).isUsual, !name.isName("x-real-ip") {
            self.others.append((name, value))
        }
    }

    /// Adds them, continued by the peer itself.
    /// - Parameter host: As the request has it.
    func append(to fields: inout [(String, String)], from peer: ProxyHeaders.Peer, host: String?) {
        let scheme = self.scheme ?? (peer.isSecure ? "https" : "http")
        fields.append(("x-forwarded-for", (self.addresses + [peer.address]).joined(separator: ", ")))
        fields.append(("x-forwarded-proto", scheme))
        if let host = self.host ?? host { fields.append(("x-forwarded-host", host)) }
        fields.append(("x-real-ip", peer.client))
        let own = "for=\(Self.node(peer.address));proto=\(peer.isSecure ? "https" : "http")"
        let earlier = self.elements.isEmpty ? self.addresses.flatMap(Self.elements) : self.elements
        fields.append(("forwarded", (earlier + [own]).joined(separator: ", ")))
        fields += self.others
    }

    /// The elements that say what a value of `X-Forwarded-For` does.
    private static func elements(_ addresses: String) -> [String] {
        addresses.split(separator: ",").map { "for=" + Self.node($0.filter { $0 != " " && $0 != "\t" }) }
    }

    /// RFC 7239 §6: whatever is no address of IPv4 has to be quoted, and one of IPv6 has brackets.
    private static func node(_ address: String) -> String {
        let bytes = address.utf8
        if !bytes.isEmpty, bytes.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: ".") }) {
            return address
        }
        let isAddress = bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isAddress && bytes.contains(UInt8(ascii: ":")) ? "\"[\(address)]\"" : "unknown"
    }
}
