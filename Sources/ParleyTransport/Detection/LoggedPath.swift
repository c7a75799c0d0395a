/// Paths as the log has them: enough to find a slip, and no secret.
///
/// URLs of session backends have a token as their first segment, and are asked for in the wrong place, too; queries have tokens, and
/// stay queries when somebody has escaped the question mark. So what is long enough to be a token is cut.
package enum LoggedPath {
    /// First segments of what is routed anywhere.
    private static let known: Set<String> = [
        "@connections", "api", "api-docs", "channels", "connections", "ctrl", "events", "favicon.ico", "health",
        "healthz",
        "info", "logs", "metrics", "pub", "readyz", "relay", "robots.txt", "socket.io", "v1", "v2", "ws",
    ]
    /// Behind which there are tokens.
    private static let secretive: Set<String> = ["b", "ready"]
    /// Of a segment that could be a token, in bytes.
    private static let shownOfUnknown = 4
    /// Of a first segment that is none of ours: tokens are at least twice as long.
    private static let maximumUnknownBytes = 20
    /// Names are shorter, tokens are longer.
    private static let maximumSegmentBytes = 40

    /// - Parameter target: As it was asked for: a path, or a whole URL (RFC 9112 §3.2.2).
    package static func of(_ target: String) -> String {
        let segments = Self.path(target).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        // Before the first slash is nothing.
        guard segments.first?.isEmpty == true, segments.count > 1 else { return "…" }
        let first = Self.text(segments[1])
        if Self.secretive.contains(first) { return segments.count > 2 ? "/\(first)/…" : "/\(first)" }
        let isKnown = Self.known.contains(first) || segments.count == 2 && first.isEmpty
        guard isKnown || (1...Self.maximumUnknownBytes).contains(segments[1].count) else {
            return "/\(Self.text(segments[1].prefix(Self.shownOfUnknown)))…"
        }
        return segments.dropFirst().map { segment in
            segment.count <= Self.maximumSegmentBytes
                ? "/" + Self.text(segment) : "/\(Self.text(segment.prefix(Self.shownOfUnknown)))…"
        }.joined()
    }

    /// Without scheme and host, and without what stands behind `?` or `#`, however often those have been escaped.
    private static func path(_ target: String) -> Substring.UTF8View {
        var bytes = target.utf8[...]
        if bytes.first != UInt8(ascii: "/"), let scheme = bytes.firstRange(of: "://".utf8) {
            bytes = bytes[scheme.upperBound...].drop { $0 != UInt8(ascii: "/") }
        }
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if self.beginsQuery(bytes[index...]) { break }
            index = bytes.index(after: index)
        }
        return bytes[..<index]
    }

    private static func beginsQuery(_ bytes: Substring.UTF8View) -> Bool {
        guard bytes.first == UInt8(ascii: "%") else {
            return bytes.first == UInt8(ascii: "?") || bytes.first == UInt8(ascii: "#")
        }
        var digits = bytes.dropFirst()
        while digits.starts(with: "25".utf8) { digits = digits.dropFirst(2) }
        return digits.starts(with: "3f".utf8) || digits.starts(with: "3F".utf8) || digits.starts(with: "23".utf8)
    }

    private static func text(_ bytes: Substring.UTF8View) -> String { String(decoding: bytes, as: UTF8.self) }
}
