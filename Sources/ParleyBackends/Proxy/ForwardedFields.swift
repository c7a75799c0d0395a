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
            self.addresses += entries.map { Self.trimmed(Substring($0)) }.filter { !$0.isEmpty }
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
        fields.append(
            ("x-forwarded-for", (self.addresses.map { String($0) } + [peer.address]).joined(separator: ", "))
        )
        fields.append(("x-forwarded-proto", scheme))
        if let host = self.host ?? host { fields.append(("x-forwarded-host", host)) }
        fields.append(("x-real-ip", peer.client))
        let own = "for=\(ForwardedNode(address: peer.address).text);proto=\(peer.isSecure ? "https" : "http")"
        fields.append(("forwarded", (self.earlierElements + [own]).joined(separator: ", ")))
        fields += self.others
    }

    /// A proxy that writes `X-Forwarded-For` alone passes a `Forwarded` as its client made it up: that one counts where it says the
    /// same, or nothing else is said.
    private var earlierElements: [String] {
        let nodes = self.addresses.map { "for=" + ForwardedNode(claim: $0).text }
        let agrees =
            nodes.count == self.elements.count
            && zip(nodes, self.elements).allSatisfy { node, element in
                element.utf8.split(separator: UInt8(ascii: ";")).contains {
                    Self.trimmed(Substring($0)).lowercased().utf8.elementsEqual(node.lowercased().utf8)
                }
            }
        return self.addresses.isEmpty || agrees ? self.elements.map { String($0) } : nodes
    }

    /// Those of a value that another can follow: a quotation that has no end would swallow it.
    private static func elements(of value: String) -> [Substring] {
        var elements: [Substring] = []
        let bytes = value.utf8
        var start = bytes.startIndex
        var (isQuoted, isEscaped) = (false, false)
        for index in bytes.indices {
            let byte = bytes[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: ","), !isQuoted {
                elements.append(Self.trimmed(value[start..<index]))
                start = bytes.index(after: index)
            }
        }
        if !isQuoted { elements.append(Self.trimmed(value[start...])) }
        // Elements of a list may be empty, and mean nothing then (RFC 9110 §5.6.1).
        return elements.filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return Substring(bytes.drop { $0 == 0x20 || $0 == 0x09 })
    }
}
