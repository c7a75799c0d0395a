/// Which pages may come, by the origins that their browsers give (RFC 6454 §7).
public struct OriginList: Sendable, Equatable {
    /// Whether pages of any origin may.
    public let admitsAny: Bool
    /// Whether pages of any program of this machine may; see ``isLocal(_:)``.
    public let admitsLocal: Bool
    private let origins: Set<ExactString>

    /// - Parameter origins: As browsers write them, or as somebody typed them: in any case, with a slash at the end. `*` means any.
    public init(_ origins: some Sequence<String>, admitsLocal: Bool = false) {
        let origins = Set(origins.map { ExactString($0.hasSuffix("/") ? String($0.dropLast()) : $0) })
        self.admitsAny = origins.contains("*")
        self.admitsLocal = admitsLocal
        self.origins = Set(origins.map { ExactString($0.text.asciiLowercased) })
    }

    /// - Parameter setting: Comma-separated; `nil`: none.
    public init(setting: String?, admitsLocal: Bool = false) {
        let entries = (setting ?? "").split(separator: ",").map { entry in
            String(entry.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        }
        self.init(entries.filter { !$0.isEmpty }, admitsLocal: admitsLocal)
    }

    /// Whether no page may come.
    public var isEmpty: Bool { self.origins.isEmpty && !self.admitsLocal }

    public func admits(_ origin: String) -> Bool {
        self.admitsAny || self.origins.contains(ExactString(origin)) || self.admitsLocal && Self.isLocal(origin)
    }

    /// Whether an origin is a program of this machine, on any port: `http` or `https`, and `localhost`, `127.0.0.1` or `[::1]`.
    public static func isLocal(_ origin: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: { origin.utf8.starts(with: $0.utf8) }) else {
            return false
        }
        let authority = origin.utf8.dropFirst(scheme.utf8.count)
        guard let host = ["localhost", "127.0.0.1", "[::1]"].first(where: { authority.starts(with: $0.utf8) }) else {
            return false
        }
        let rest = authority.dropFirst(host.utf8.count)
        guard let colon = rest.first else { return true }
        let port = rest.dropFirst()
        return colon == UInt8(ascii: ":") && (1...5).contains(port.count)
            && port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
