internal import ParleyText

/// Which pages may come, by the origins that their browsers give (RFC 6454 §7).
public struct OriginList: Sendable, Equatable {
    /// An entry that no browser sends, or that too many do.
    package struct Mistake: Error, Sendable, Equatable {
        /// Which entry, and what is wrong with it.
        package let reason: String
    }

    /// Whether pages of any origin may.
    public let admitsAny: Bool
    /// Whether pages of any program of this machine may; see ``isLocal(_:)``.
    public let admitsLocal: Bool
    private let origins: Set<ExactString>

    /// - Parameter origins: As browsers write them, or as somebody typed them: in any case, with the scheme's own port, with a
    ///   slash at the end. `*` means any. What is no origin, `null` included, admits nobody.
    public init(_ origins: some Sequence<String>, admitsLocal: Bool = false) {
        var known: Set<ExactString> = []
        for entry in origins {
            if let origin = try? Self.canonical(entry) { known.insert(ExactString(origin)) }
        }
        self.admitsAny = known.contains("*")
        self.admitsLocal = admitsLocal
        self.origins = known
    }

    /// - Parameter setting: Comma-separated; `nil`: none.
    public init(setting: String?, admitsLocal: Bool = false) {
        self.init(Self.entries(setting ?? ""), admitsLocal: admitsLocal)
    }

    /// Says what is wrong with a setting, where the list would just leave the entry out.
    /// - Parameter admitsHosts: Whether an entry may be a host, with a port or without, for pages of any scheme.
    package static func check(setting: String, admitsHosts: Bool = false) throws(Mistake) {
        let entries = Self.entries(setting)
        if entries.isEmpty { throw Mistake(reason: "there is none") }
        for entry in entries {
            let isHost = admitsHosts && entry.asciiLowercased != "null" && (try? HostAndPort(entry)) != nil
            if !isHost { _ = try Self.canonical(entry) }
        }
    }

    private static func entries(_ setting: String) -> [String] {
        setting.split(separator: ",").map { String($0.trimmingWhiteSpace) }.filter { !$0.isEmpty }
    }

    /// An entry as browsers write it (RFC 6454 §6.2): in lower case, without the scheme's own port.
    package static func canonical(_ entry: String) throws(Mistake) -> String {
        if entry == "*" { return entry }
        // Anybody's page can have this origin: in a sandboxed frame, as data: URL, from a file.
        if entry.asciiLowercased == "null" {
            throw Mistake(reason: "'null' is the origin of every sandboxed page, whoever wrote it")
        }
        if entry.contains(where: \.isWhitespace) {
            throw Mistake(reason: "'\(entry)' has white space in it, origins are separated by commas")
        }
        if entry.contains("*") { throw Mistake(reason: "'\(entry)' is a pattern, only whole origins are compared") }
        guard let separator = entry.utf8.firstRange(of: "://".utf8) else {
            throw Mistake(reason: "'\(entry)' has no scheme such as https:// before the host")
        }
        let scheme = String(entry[..<separator.lowerBound]).asciiLowercased
        guard Self.isScheme(scheme) else { throw Mistake(reason: "'\(entry)' has no scheme of pages, as https is") }
        var authority = entry[separator.upperBound...]
        if authority.hasSuffix("/") { authority = authority.dropLast() }
        if authority.contains(where: { "/?#@".contains($0) }) {
            throw Mistake(reason: "'\(entry)' is more than scheme, host and port")
        }
        do throws(HTTPURL.Mistake) {
            let place = try HostAndPort(String(authority))
            let isUsual = place.port == ["http": 80, "https": 443][scheme]
            return "\(scheme)://\(place.host)\(isUsual ? "" : place.port.map { ":\($0)" } ?? "")"
        } catch {
            throw Mistake(reason: "'\(entry)' has not \(error.expectation)")
        }
    }

    /// RFC 3986 §3.1. Those of sockets and files are no scheme of an origin; those of apps and extensions are.
    private static func isScheme(_ scheme: String) -> Bool {
        guard let first = scheme.utf8.first, (0x61...0x7A).contains(first), !["ws", "wss", "file"].contains(scheme)
        else {
            return false
        }
        return scheme.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || $0.isASCIIDigit || "+-.".utf8.contains($0)
        }
    }

    /// Whether no page may come.
    public var isEmpty: Bool { self.origins.isEmpty && !self.admitsLocal }

    public func admits(_ origin: String) -> Bool {
        self.admitsAny || self.origins.contains(ExactString(origin)) || self.admitsLocal && Self.isLocal(origin)
    }

    /// Whether an origin is a program of this machine, on any port: `http` or `https`, and `localhost`, `127.0.0.1` or `[::1]`.
    public static func isLocal(_ origin: String) -> Bool {
        // Browsers write them in lower case.
        guard let place = HostAndPort(ofOrigin: origin), ExactString(origin) == ExactString(origin.asciiLowercased)
        else {
            return false
        }
        return place.isThisMachine
    }
}

extension HostAndPort {
    /// - Parameter origin: `http://` or `https://`, a host and perhaps a port (RFC 6454 §6.1); `nil` for `null` and all else.
    package init?(ofOrigin origin: String) {
        guard let scheme = ["http://", "https://"].first(where: { origin.utf8.starts(with: $0.utf8) }),
            let place = try? HostAndPort(String(Substring(origin.utf8.dropFirst(scheme.utf8.count))))
        else { return nil }
        self = place
    }

    /// Whether it is one of the three names that lead to this machine wherever they are looked up. Others that may, such as
    /// `127.0.0.2` and `sub.localhost`, are nobody's habit, and one more way in.
    package var isThisMachine: Bool { ["localhost", "127.0.0.1", "[::1]"].contains(self.host) }
}
