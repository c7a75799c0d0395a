public import NIOCore
public import ParleyModel

/// Finds the backend of a token. Answers at once, never with an error. What is called here is called from any thread, perhaps
/// before the method has returned, and may still come when it was called off just now.
extension BackendSupervisor {
    /// The route of a token that is valid, without opening anything.
    public func route(_ token: String) -> BackendRoute? {
        let now = self.uptime()
        return self.withMachine { $0.route(token, at: now) }
    }

    /// Opens a request: the backend is busy, and the token stays valid, until ``closed(_:)``, which must follow
    /// ``RouteAnswer/ready(_:_:)`` and ``RouteAnswer/pending(_:)``.
    public func open(_ token: String) -> RouteAnswer {
        let now = self.uptime()
        return self.withMachine { $0.open(token, at: now) }
    }

    public func closed(_ route: BackendRoute) {
        let now = self.uptime()
        self.withMachine { $0.closed(route, at: now) }
    }

    /// Calls `ready` once: with the address when the backend is ready, with `nil` when it will not be.
    /// - Returns: A number for ``stopWaiting(_:for:)``.
    public func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int {
        let (number, waiting) = self.withMachine { machine in
            let number = machine.makeNumber()
            return (number, machine.wait(for: route, number: number, ready))
        }
        if case .answer(let address) = waiting { ready(address) }
        return number
    }

    public func stopWaiting(_ number: Int, for route: BackendRoute) {
        self.withMachine { $0.stopWaiting(number, for: route) }
    }

    /// Calls `end` when a connection with the token must be closed: it was revoked, or the backend is gone.
    /// - Returns: A number for ``unregister(_:of:)``.
    public func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int {
        let (number, isOpen) = self.withMachine { machine in
            let number = machine.makeNumber()
            return (number, machine.register(route, number: number, end))
        }
        if !isOpen { end() }
        return number
    }

    public func unregister(_ number: Int, of route: BackendRoute) {
        self.withMachine { $0.unregister(number, of: route) }
    }

    /// Calls `body` once when the backend of a route is asked to end, or ends.
    /// - Returns: A number for ``stopWatching(_:of:)``.
    public func whenLeaving(_ route: BackendRoute, _ body: @escaping @Sendable () -> Void) -> Int {
        let (number, isStaying) = self.withMachine { machine in
            let number = machine.makeNumber()
            return (number, machine.watch(route, number: number, body))
        }
        if !isStaying { body() }
        return number
    }

    public func stopWatching(_ number: Int, of route: BackendRoute) {
        self.withMachine { $0.stopWatching(number, of: route) }
    }

    /// Whether requests may still go to the backend of a route.
    public func isServing(_ route: BackendRoute) -> Bool { self.withMachine { $0.isServing(route) } }

    /// Whether a live backend besides `id` has a name as its own below the cluster's.
    /// - Parameter label: In lower case.
    public func isNameOfOther(than id: BackendID, _ label: Substring) -> Bool {
        self.withMachine { $0.isNameOfOther(than: id, label) }
    }

    /// Takes back all tokens of a user for a backend, and closes what is open with them.
    /// - Returns: How many there were.
    /// - Throws: ``BackendFailure/backendNotFound``.
    public func revoke(_ id: BackendID, user: String) throws(BackendFailure) -> Int {
        guard let revoked = self.withMachine({ $0.revoke(id, user: user) }) else { throw .backendNotFound }
        for close in revoked.closings { close() }
        return revoked.count
    }
}
