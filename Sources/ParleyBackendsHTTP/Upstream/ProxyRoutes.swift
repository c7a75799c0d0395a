internal import NIOCore
internal import ParleyBackends

/// What the proxy asks of whoever knows the sessions' backends. Callbacks come once, from any thread.
protocol ProxyRoutes: Sendable {
    /// Opens a request: see ``RouteAnswer``.
    func open(_ token: String) -> RouteAnswer
    /// Must follow each route that was opened, once.
    func closed(_ route: BackendRoute)

    /// With the address when the backend is ready, with `nil` when it will not be.
    /// - Returns: A number for ``stopWaiting(_:for:)``.
    func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int
    func stopWaiting(_ number: Int, for route: BackendRoute)

    /// When a connection with the token must be closed: it was taken back, or the backend is gone.
    /// - Returns: A number for ``unregister(_:of:)``.
    func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int
    func unregister(_ number: Int, of route: BackendRoute)

    /// When the backend is asked to end, or ends.
    /// - Returns: A number for ``stopWatching(_:of:)``.
    func whenLeaving(_ route: BackendRoute, _ body: @escaping @Sendable () -> Void) -> Int
    func stopWatching(_ number: Int, of route: BackendRoute)

    /// Whether requests may still go to the backend.
    func isServing(_ route: BackendRoute) -> Bool
    /// Waits for the end of a backend whose connection is gone, and for the one that takes its place.
    /// - Parameter isExpected: Whether the backend has said that it goes away.
    /// - Returns: The search, which may be cancelled.
    func findSuccessor(
        of route: BackendRoute,
        isExpected: Bool,
        until deadline: NIODeadline,
        _ found: @escaping @Sendable (Succession) -> Void
    ) -> Task<Void, Never>
}

extension BackendSupervisor: ProxyRoutes {
    func findSuccessor(
        of route: BackendRoute,
        isExpected: Bool,
        until deadline: NIODeadline,
        _ found: @escaping @Sendable (Succession) -> Void
    ) -> Task<Void, Never> {
        Task { found(await self.successor(of: route, isExpected: isExpected, until: deadline)) }
    }
}
