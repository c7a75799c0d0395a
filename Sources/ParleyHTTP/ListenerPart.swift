package import Hummingbird
package import ParleyTransport

/// A part of what a listener has: an API, a dialect, the way to session backends. All that is peculiar to its paths stands here.
package struct ListenerPart: Sendable {
    package enum Name: Sendable {
        case backendsProxy, backendsAPI
        case channelManagement, channelServer
        case sessionChat, issuing
        case disposableChat
        case gateway, gatewaySockets
        case relay
        /// Health, metrics, and what else nobody has.
        case operations
    }

    package let name: Name
    /// Whether a path is this part's, by whatever method and whether there is something or not.
    package var claims: @Sendable (RoutePath) -> Bool = { _ in true }
    /// Who takes a request in place of the HTTP API; `nil`: nobody here. Asked whether the path is claimed or not, as some
    /// requests are told apart by their query or their fields.
    package var route: @Sendable (UpgradeRequest) -> Route? = { _ in nil }
    /// Adds what it has of an HTTP API.
    package var register: @Sendable (Router<APIContext>) -> Void = { _ in }
    /// The methods of paths that are no routes of the router; empty: the router knows.
    package var methods: @Sendable (RoutePath) -> Set<String> = { _ in [] }
    /// How it says what no route of it has said: nothing here, not by this method, too large.
    package var shape = RefusalShape.text
    /// Which pages may read its answers; `nil`: it says so itself, or says nothing.
    package var crossOrigin: CrossOriginRule?
    /// What its routes read of a body, by methods that have one; `nil`: nothing.
    package var maximumBodyBytes: @Sendable (RoutePath) -> Int? = { _ in nil }
    /// Whether a client that asks for an upgrade gets one where the part has no route.
    package var speaksWebSocket = false

    package init(
        name: Name,
        claims: @escaping @Sendable (RoutePath) -> Bool = { _ in true },
        route: @escaping @Sendable (UpgradeRequest) -> Route? = { _ in nil },
        register: @escaping @Sendable (Router<APIContext>) -> Void = { _ in },
        methods: @escaping @Sendable (RoutePath) -> Set<String> = { _ in [] },
        shape: RefusalShape = .text,
        crossOrigin: CrossOriginRule? = nil,
        maximumBodyBytes: @escaping @Sendable (RoutePath) -> Int? = { _ in nil },
        speaksWebSocket: Bool = false
    ) {
        self.name = name
        self.claims = claims
        self.route = route
        self.register = register
        self.methods = methods
        self.shape = shape
        self.crossOrigin = crossOrigin
        self.maximumBodyBytes = maximumBodyBytes
        self.speaksWebSocket = speaksWebSocket
    }
}
