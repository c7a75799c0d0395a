/// The query of an Engine.IO request. Of a repeated name the last value counts.
public struct EngineQuery: Sendable, Equatable {
    /// Every parameter, decoded, the protocol's own included, in the order in which their names first came.
    public private(set) var parameters: [(name: String, value: String)] = []

    /// - Parameter query: What stands behind `?`. An escape that is broken is left as it is.
    public init(_ query: some StringProtocol) {
        // By bytes: canonically equivalent names are two.
        var indices: [[UInt8]: Int] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decode(parts[0])
            let value = parts.count > 1 ? Self.decode(parts[1]) : ""
            if let index = indices[Array(name.utf8)] {
                self.parameters[index].value = value
            } else {
                indices[Array(name.utf8)] = self.parameters.count
                self.parameters.append((name, value))
            }
        }
    }

    public subscript(name: String) -> String? { self.parameters.first { $0.name.utf8.elementsEqual(name.utf8) }?.value }

    /// Any value but 4, or none, means revision 3.
    public var revision: EngineRevision { self["EIO"] == "4" ? .four : .three }
    public var transport: EngineConfiguration.Transport? {
        self["transport"].flatMap(EngineConfiguration.Transport.init(rawValue:))
    }
    public var sessionID: String? { self["sid"].flatMap { $0.isEmpty ? nil : $0 } }
    /// Clients that cannot read binary bodies ask for base64 (revision 3).
    public var wantsBase64: Bool { self["b64"].map { $0 != "0" && !$0.isEmpty } ?? false }

    public static func == (lhs: EngineQuery, rhs: EngineQuery) -> Bool {
        lhs.parameters.elementsEqual(rhs.parameters) {
            $0.name.utf8.elementsEqual($1.name.utf8) && $0.value.utf8.elementsEqual($1.value.utf8)
        }
    }

    private static func decode(_ text: some StringProtocol) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else if byte == UInt8(ascii: "%"), let high = Self.hexDigit(rest.first),
                let low = Self.hexDigit(rest.dropFirst().first)
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8?) -> UInt8? {
        byte.flatMap { Character(UnicodeScalar($0)).hexDigitValue }.map(UInt8.init)
    }
}
