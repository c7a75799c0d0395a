package import NIOHTTP1
package import ParleyModel
package import ParleyTransport

/// What a listener has, and where: the one place that tells its APIs and dialects from each other.
///
/// The first part that claims a path has it, whatever is asked there: its words, its pages, its bounds. The first that takes a
/// request has that.
package struct ListenerRoutes: FrontDoorRoutes {
    private let parts: [ListenerPart]
    private let table: RouteTable
    /// What is said where there is nothing.
    package let nothingHere: Refusal

    /// - Parameter table: The routes of the parts' HTTP APIs.
    package init(_ parts: [ListenerPart], _ table: RouteTable = RouteTable([]), nothingHere: Refusal = .notFound) {
        self.parts = parts
        self.table = table
        self.nothingHere = nothingHere
    }

    package func route(_ request: UpgradeRequest) -> Route {
        for part in self.parts {
            if let route = part.route(request) { return route }
        }
        return .http
    }

    /// - Parameter path: Without a query.
    package func place(at path: Substring) -> Place {
        let path = RoutePath(path)
        let part = self.parts.first { $0.claims(path) } ?? ListenerPart(name: .operations)
        let methods = part.methods(path)
        return Place(path: path, part: part, methods: methods.isEmpty ? self.table.methods(of: path) : methods)
    }

    package func maximumBodyBytes(of request: UpgradeRequest) -> Int? {
        self.place(at: request.path).maximumBodyBytes(for: request.head.method)
    }

    package func crossOriginFields(for head: HTTPRequestHead) -> [(name: String, value: String)] {
        let end = head.uri.utf8.firstIndex(of: UInt8(ascii: "?")) ?? head.uri.endIndex
        let policy = self.place(at: head.uri[..<end]).part.crossOrigin?.policy
        return policy?.headers(for: head.headers.first(name: "Origin")) ?? []
    }
}

extension ListenerRoutes {
    /// What is at a path.
    package struct Place: Sendable {
        package let path: RoutePath
        package let part: ListenerPart
        /// By which something is here: HEAD where GET is, and not OPTIONS; empty: nothing.
        package let methods: Set<String>

        /// As `Allow` has them; what has no route speaks WebSocket, or is the server as a whole.
        package var allowed: [String] {
            let methods: Set = self.methods.isEmpty ? ["GET", "HEAD"] : self.methods
            return Self.order.filter { methods.contains($0) || $0 == "OPTIONS" }
        }

        private static let order = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

        /// Bytes that the body of a request may have; `nil` where nothing is here, or answers without looking at one.
        package func maximumBodyBytes(for method: HTTPMethod) -> Int? {
            guard self.methods.contains(method.rawValue) else { return nil }
            switch method {
            // Content of these has no meaning (RFC 9110 §9.3.1, §9.3.5).
            case .GET, .HEAD, .DELETE: return 0
            default: return self.part.maximumBodyBytes(self.path)
            }
        }
    }
}
