internal import ParleyText
internal import ParleyTransport

/// The routes of a router, for what has to be known before a request is there as a whole, or has none.
package struct RouteTable: Sendable {
    private struct Route {
        package let method: String
        package let components: [Substring]
    }

    private let routes: [Route]

    /// - Parameter routes: Paths as Hummingbird prints them: `{name}` stands for a component, `**` for any number.
    package init(_ routes: [(method: String, path: String)]) {
        self.routes = routes.map { Route(method: $0.method, components: $0.path.split(ascii: "/")) }
    }

    /// The methods of a path; empty where there is none. Where GET is, HEAD is (RFC 9110 §9.1).
    package func methods(of path: RoutePath) -> Set<String> {
        let methods = Set(
            self.routes.filter { Self.matches($0.components[...], path.components[...]) }.map(\.method)
        )
        return methods.contains("GET") ? methods.union(["HEAD"]) : methods
    }

    private static func matches(_ route: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
        var (route, path) = (route, path)
        while let expected = route.popFirst() {
            if expected == "**" { return true }
            guard let component = path.popFirst() else { return false }
            guard expected == component || expected == "*" || expected.contains("{") else { return false }
        }
        return path.isEmpty
    }
}
