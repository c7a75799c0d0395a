internal import DequeModule
public import NIOCore
internal import ParleyHub
public import ParleyModel
internal import Synchronization

extension BackendSupervisor: BackendRouting {
    func issueToken(for record: BackendRecord, _ order: ConnectOrder, _ state: inout State) -> BackendRoute {
        if let token = record.staticToken, let issued = state.tokens[ExactString(token)] { return issued }
        let route = BackendRoute(
            token: record.staticToken ?? GatewayToken.make(using: &state.random),
            backend: record.id,
            user: record.staticToken == nil ? order.user : nil,
            userData: record.staticToken == nil ? order.auth ?? "{}" : nil,
            secret: record.staticToken == nil ? GatewayToken.make(using: &state.random) : nil,
            subdomain: record.subdomain,
            resume: record.resume,
            record: record
        )
        // A static token is as good as its backend.
        route.use.expiry = record.staticToken == nil ? self.uptime() + self.configuration.tokenLifetime : nil
        state.tokens[ExactString(route.token)] = route
        record.tokens.append(route.token)
        record.tokenBytes += route.claimBytes
        self.forgetOldestToken(of: record.id, &state)
        return route
    }

    /// Whoever connects in a loop pushes out tokens that are not used, not memory.
    private func forgetOldestToken(of id: BackendID, _ state: inout State) {
        guard let record = state.backends[id] else { return }
        // Those in use go to the end, and have their turn again later.
        for _ in 0..<16 {
            let isFull =
                record.tokens.count > self.configuration.maximumTokens
                || record.tokenBytes > self.configuration.maximumTokenBytes
            guard isFull, let oldest = record.tokens.popFirst() else { return }
            if let route = state.tokens[ExactString(oldest)], route.use.openRequests > 0 {
                record.tokens.append(oldest)
            } else {
                state.forget(oldest)
            }
        }
    }

    /// The route of a token that is valid, without opening anything.
    public func route(_ token: String) -> BackendRoute? {
        let now = self.uptime()
        return self.state.withLock { state in
            state.tokens[ExactString(token)].flatMap { $0.use.isValid(at: now) ? $0 : nil }
        }
    }

    public func open(_ token: String) -> RouteAnswer {
        let now = self.uptime()
        return self.state.withLock { state in
            guard let route = state.tokens[ExactString(token)], route.use.isValid(at: now), let record = route.record,
                record.lifecycle.status.isServing, record.lease?.isEntitled(at: now) == true
            else { return .gone }
            let address = record.lifecycle.status == .ready ? record.address : nil
            guard address != nil || record.waiters.count < self.configuration.maximumHeldRequests else { return .full }
            record.activity.connectionOpened()
            route.use.openRequests += 1
            return address.map { .ready(route, $0) } ?? .pending(route)
        }
    }

    public func closed(_ route: BackendRoute) {
        let now = self.uptime()
        self.state.withLock { _ in
            // A connection may outlive its backend, and its token.
            route.record?.activity.connectionClosed(at: now)
            route.use.openRequests -= 1
            if route.use.expiry != nil { route.use.expiry = now + self.configuration.tokenLifetime }
        }
    }

    public func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            guard let record = route.record, record.lifecycle.status.isServing else {
                ready(nil)
                return number
            }
            if record.lifecycle.status == .ready, let address = record.address {
                ready(address)
            } else {
                record.waiters[number] = ready
            }
            return number
        }
    }

    public func stopWaiting(_ number: Int, for route: BackendRoute) {
        self.state.withLock { _ in route.record?.waiters[number] = nil }
    }

    public func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            if state.tokens[ExactString(route.token)] == nil {
                end()
            } else {
                route.use.connections[number] = end
            }
            return number
        }
    }

    public func unregister(_ number: Int, of route: BackendRoute) {
        self.state.withLock { _ in route.use.connections[number] = nil }
    }

    /// Takes back all tokens of a user for a backend, and closes what is open with them.
    /// - Returns: How many there were.
    /// - Throws: ``BackendFailure/backendNotFound``.
    public func revoke(_ id: BackendID, user: String) throws(BackendFailure) -> Int {
        let revoked: [BackendRoute]? = self.state.withLock { state in
            guard let record = state.backends[id] else { return nil }
            if record.resume != nil { record.revokedUsers.insert(UserID(user)) }
            let routes = record.tokens.compactMap { state.tokens[ExactString($0)] }.filter {
                $0.user?.hasSameBytes(as: user) == true
            }
            for route in routes { state.forget(route.token) }
            state.backends[id]?.tokens.removeAll { state.tokens[ExactString($0)] == nil }
            return routes
        }
        guard let revoked else { throw .backendNotFound }
        // Outside the lock: whoever is closed may come back here.
        for close in self.state.withLock({ _ in revoked.flatMap { Array($0.use.connections.values) } }) { close() }
        return revoked.count
    }
}

extension BackendSupervisor.State {
    /// Opens nothing any more with a token, which the caller takes off its backend.
    mutating func forget(_ token: String) {
        guard let route = self.tokens.removeValue(forKey: ExactString(token)) else { return }
        route.record?.tokenBytes -= route.claimBytes
    }
}

extension BackendRoute {
    /// Bytes that a token costs whose holder is somebody.
    fileprivate var claimBytes: Int { (self.user?.utf8.count ?? 0) + (self.userData?.utf8.count ?? 0) }
}
