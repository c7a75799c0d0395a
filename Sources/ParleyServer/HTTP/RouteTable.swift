internal import NIOHTTP1
internal import ParleyText

/// The routes of an HTTP API, for what has to be known before a request is there as a whole.
struct RouteTable: Sendable {
    private struct Route {
        let method: String
        let components: [Substring]
    }

    private let routes: [Route]

    /// - Parameter routes: Paths as Hummingbird prints them: `{name}` stands for a component, `**` for any number.
    init(_ routes: [(method: String, path: String)]) {
        self.routes = routes.map { Route(method: $0.method, components: $0.path.split(ascii: "/")) }
    }

    func contains(_ method: HTTPMethod, _ path: Substring) -> Bool {
        let components = path.split(ascii: "/")
        return self.routes.contains {
            $0.method == method.rawValue && Self.matches($0.components[...], components[...])
        }
    }

    /// The methods of a path, sorted; empty where there is none.
    func methods(of path: Substring) -> [String] {
        let components = path.split(ascii: "/")
        return Set(self.routes.filter { Self.matches($0.components[...], components[...]) }.map(\.method)).sorted()
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
