internal import ParleyText

/// The query of an Engine.IO request. Of a repeated name the last value counts.
public struct EngineQuery: Sendable, Equatable {
    /// Every parameter, decoded, the protocol's own included, in the order in which their names first came.
    public private(set) var parameters: [(name: String, value: String)] = []

    /// - Parameter query: What stands behind `?`. An escape that is broken is left as it is.
    public init(_ query: some StringProtocol) {
        // By bytes: canonically equivalent names are two.
        var indices: [[UInt8]: Int] = [:]
        for pair in QueryString(String(query)[...]) {
            let name = PercentEncoding.decodeLeniently(pair.name, plusIsSpace: true)
            let value = pair.value.map { PercentEncoding.decodeLeniently($0, plusIsSpace: true) } ?? ""
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
}
