internal import DequeModule
public import NIOCore
internal import ParleyHub
public import ParleyModel
internal import Synchronization

extension BackendSupervisor: BackendRouting {
    func issueToken(for record: BackendRecord, _ order: ConnectOrder, _ state: inout State) -> BackendRoute {
        if let token = record.staticToken, let issued = state.tokens[token] { return issued.route }
        let route = BackendRoute(
            token: record.staticToken ?? GatewayToken.make(using: &state.random),
            backend: record.id,
            user: record.staticToken == nil ? order.user : nil,
            userData: record.staticToken == nil ? order.auth ?? "{}" : nil,
            secret: record.staticToken == nil ? GatewayToken.make(using: &state.random) : nil,
            subdomain: record.subdomain,
            resume: record.resume,
            serial: record.serial
        )
        // A static token is as good as its backend.
        let expiry = record.staticToken == nil ? self.uptime() + self.configuration.tokenLifetime : nil
        state.tokens[route.token] = BackendToken(route: route, expiry: expiry)
        state.backends[record.id]?.tokens.append(route.token)
        self.forgetOldestToken(of: record.id, &state)
        return route
    }

    /// Whoever connects in a loop pushes out tokens that are not used, not memory.
    private func forgetOldestToken(of id: BackendID, _ state: inout State) {
        guard let count = state.backends[id]?.tokens.count, count > self.configuration.maximumTokens else { return }
        // Those in use go to the end, and have their turn again later.
        for _ in 0..<16 {
            guard let oldest = state.backends[id]?.tokens.popFirst() else { return }
            guard let token = state.tokens[oldest], token.openRequests > 0 else {
                state.tokens[oldest] = nil
                return
            }
            state.backends[id]?.tokens.append(oldest)
        }
    }

    /// The route of a token that is valid, without opening anything.
    public func route(_ token: String) -> BackendRoute? {
        let now = self.uptime()
        return self.state.withLock { state in
            state.tokens[token].flatMap { $0.isValid(at: now) ? $0.route : nil }
        }
    }

    public func open(_ token: String) -> RouteAnswer {
        let now = self.uptime()
        return self.state.withLock { state in
            guard let issued = state.tokens[token], issued.isValid(at: now) else { return .gone }
            let route = issued.route
            guard let record = state.backends[route.backend], record.lifecycle.status.isServing,
                record.lease?.isEntitled(at: now) == true
            else { return .gone }
            if record.lifecycle.status == .ready, let address = record.address {
                state.open(route)
                return .ready(route, address)
            }
            guard record.waiters.count < self.configuration.maximumHeldRequests else { return .full }
            state.open(route)
            return .pending(route)
        }
    }

    public func closed(_ route: BackendRoute) {
        let now = self.uptime()
        self.state.withLock { state in
            // A connection may outlive its backend.
            state.record(of: route)?.activity.connectionClosed(at: now)
            state.tokens[route.token]?.openRequests -= 1
            if state.tokens[route.token]?.expiry != nil {
                state.tokens[route.token]?.expiry = now + self.configuration.tokenLifetime
            }
        }
    }

    public func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            guard let record = state.backends[route.backend], record.lifecycle.status.isServing else {
                ready(nil)
                return number
            }
            if record.lifecycle.status == .ready, let address = record.address {
                ready(address)
            } else {
                state.backends[route.backend]?.waiters[number] = ready
            }
            return number
        }
    }

    public func stopWaiting(_ number: Int, for route: BackendRoute) {
        self.state.withLock { state in
            state.record(of: route)?.waiters[number] = nil
        }
    }

    public func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            guard state.tokens[route.token] != nil else {
                end()
                return number
            }
            state.tokens[route.token]?.connections[number] = end
            return number
        }
    }

    public func unregister(_ number: Int, of route: BackendRoute) {
        self.state.withLock { $0.tokens[route.token]?.connections[number] = nil }
    }

    /// Takes back all tokens of a user for a backend, and closes what is open with them.
    /// - Returns: How many there were.
    /// - Throws: ``BackendFailure/backendNotFound``.
    public func revoke(_ id: BackendID, user: String) throws(BackendFailure) -> Int {
        let revoked: [BackendToken]? = self.state.withLock { state in
            guard let record = state.backends[id] else { return nil }
            if record.resume != nil { record.revokedUsers.insert(user) }
            let tokens = record.tokens.compactMap { state.tokens[$0] }.filter { $0.route.user == user }
            for token in tokens { state.tokens[token.route.token] = nil }
            state.backends[id]?.tokens.removeAll { state.tokens[$0] == nil }
            return tokens
        }
        guard let revoked else { throw .backendNotFound }
        for token in revoked {
            for close in token.connections.values { close() }
        }
        return revoked.count
    }
}

extension BackendToken {
    func isValid(at now: NIODeadline) -> Bool {
        guard let expiry = self.expiry, self.openRequests == 0 else { return true }
        return now < expiry
    }
}

extension BackendSupervisor.State {
    fileprivate mutating func open(_ route: BackendRoute) {
        self.backends[route.backend]?.activity.connectionOpened()
        self.tokens[route.token]?.openRequests += 1
    }
}
