internal import ParleyText

/// What backends are told of those who stand before them: `X-Forwarded-*`, `X-Real-IP` and `Forwarded` (RFC 7239).
///
/// Taken from peers that are believed, who say it under its usual names; made anew for all others.
struct ForwardedFields {
    /// Entries of `X-Forwarded-For`.
    private var addresses: [Substring] = []
    /// Elements of `Forwarded`.
    private var elements: [Substring] = []
    private var scheme: String?
    private var host: String?
    /// Fields that pass, such as `X-Forwarded-Port`.
    private var others: [(String, String)] = []

    /// Takes what a peer says that is believed.
    mutating func take(_ name: String, _ value: String) {
        if name.isName("x-forwarded-for") {
            let entries = value.utf8.split(separator: UInt8(ascii: ","))
            self.addresses += entries.map { Substring($0).trimmingOptionalWhiteSpace }.filter { !$0.isEmpty }
        } else if name.isName("forwarded") {
            self.elements += Self.elements(of: value)
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
        fields.append(("x-forwarded-for", Self.list(self.addresses.map { String($0) }, peer.address)))
        fields.append(("x-forwarded-proto", scheme))
        if let host = self.host ?? host { fields.append(("x-forwarded-host", host)) }
        fields.append(("x-real-ip", peer.client))
        let proto = peer.isSecure ? ";proto=https" : ";proto=http"
        let element = "for=" + ForwardedNode(address: peer.address).text + proto
        fields.append(("forwarded", Self.list(self.earlierElements, element)))
        if !self.others.isEmpty { fields += self.others }
    }

    private static func list(_ earlier: [String], _ last: String) -> String {
        earlier.isEmpty ? last : (earlier + [last]).joined(separator: ", ")
    }

    /// A proxy that writes `X-Forwarded-For` alone passes a `Forwarded` as its client made it up: that one counts where it says the
    /// same, or nothing else is said.
    private var earlierElements: [String] {
        if self.addresses.isEmpty { return self.elements.map { String($0) } }
        let nodes = self.addresses.map { "for=" + ForwardedNode(claim: $0).text }
        let agrees =
            nodes.count == self.elements.count
            && zip(nodes, self.elements).allSatisfy { node, element in
                element.utf8.split(separator: UInt8(ascii: ";")).contains {
                    Substring($0).trimmingOptionalWhiteSpace.lowercased().utf8.elementsEqual(node.lowercased().utf8)
                }
            }
        return agrees ? self.elements.map { String($0) } : nodes
    }

    /// Those of a value that another can follow: a quotation that has no end would swallow it.
    private static func elements(of value: String) -> [Substring] {
        let list = QuotedList.elements(of: value[...], separatedBy: UInt8(ascii: ","))
        // Elements of a list may be empty, and mean nothing then (RFC 9110 §5.6.1).
        return list.elements.dropLast(list.isOpen ? 1 : 0).map(\.trimmingOptionalWhiteSpace).filter { !$0.isEmpty }
    }
}
