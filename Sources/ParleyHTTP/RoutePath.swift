internal import ParleyText

/// A path as the router looks at it: what stands between its slashes, of which any number is one, and one at an end none.
///
/// Whatever hangs on a path has to look at it like this. Otherwise a slash more would lead to a route, and past the rules that it has.
package struct RoutePath: Sendable, Hashable {
    /// As it was sent.
    package let text: Substring
    package let components: [Substring]

    package init(_ text: Substring) {
        self.text = text
        self.components = text.split(ascii: "/")
    }

    package init(_ text: String) { self.init(text[...]) }

    package var first: Substring? { self.components.first }

    /// Whether a path is the same, or one below it.
    package func isAtOrBelow(_ path: RoutePath) -> Bool { self.components.starts(with: path.components) }

    package static func == (one: RoutePath, other: RoutePath) -> Bool { one.components == other.components }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.components) }
}

extension RoutePath: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}
