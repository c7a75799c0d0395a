/// The pairs of a query, as they were sent: `a=1&b` has `a`, `1` and `b`, nothing.
///
/// Cut by bytes: to Swift an equals sign with an accent behind it is another character (WHATWG URL §5.1 knows no characters here).
package struct QueryString: Sequence, IteratorProtocol {
    package struct Pair: Equatable, Sendable {
        package let name: Substring
        /// Behind the first equals sign; `nil`: there is none.
        package let value: Substring?
    }

    private var rest: Substring

    /// - Parameter query: What stands behind `?`.
    package init(_ query: Substring) {
        self.rest = query
    }

    /// The next pair that is not empty.
    package mutating func next() -> Pair? {
        while !self.rest.isEmpty {
            let pair = Self.cutOff(&self.rest, at: UInt8(ascii: "&"))
            guard !pair.isEmpty else { continue }
            guard let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")) else { return Pair(name: pair, value: nil) }
            return Pair(name: pair[..<equals], value: pair[pair.utf8.index(after: equals)...])
        }
        return nil
    }

    private static func cutOff(_ rest: inout Substring, at separator: UInt8) -> Substring {
        guard let end = rest.utf8.firstIndex(of: separator) else {
            defer { rest = "" }
            return rest
        }
        defer { rest = rest[rest.utf8.index(after: end)...] }
        return rest[..<end]
    }
}
