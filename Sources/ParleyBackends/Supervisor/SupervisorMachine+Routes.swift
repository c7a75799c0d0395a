internal import NIOCore
internal import ParleyModel

/// What a token opens. Every proxied request comes here, some more than once: the time that this takes is theirs.
extension SupervisorMachine {
    mutating func open(_ token: String, at now: NIODeadline) -> RouteAnswer {
        guard let place = self.tokens.index(forKey: ExactString(token)), self.tokens.values[place].isValid(at: now)
        else {
            return .gone
        }
        let route = self.tokens.values[place].route
        let maximum = self.configuration.maximumHeldRequests
        let answer =
            self.records.withValue(of: route.number) { $0.open(route, at: now, maximumHeldRequests: maximum) } ?? .gone
        switch answer {
        case .ready, .pending: self.tokens.values[place].openRequests += 1
        case .gone, .full: break
        }
        return answer
    }

    mutating func closed(_ route: BackendRoute, at now: NIODeadline) {
        // A connection may outlive its backend, and its token.
        self.records.withValue(of: route.number) { $0.activity.connectionClosed(at: now) }
        let lifetime = self.configuration.tokenLifetime
        self.tokens.withValue(of: ExactString(route.token)) { $0.closed(at: now, lifetime: lifetime) }
    }

    func route(_ token: String, at now: NIODeadline) -> BackendRoute? {
        self.tokens[ExactString(token)].flatMap { $0.isValid(at: now) ? $0.route : nil }
    }

    enum Waiting: Sendable {
        /// Under a number, for ``stopWaiting(_:for:)``.
        case waits
        /// At once, by the caller.
        case answer(SocketAddress?)
    }

    mutating func wait(
        for route: BackendRoute,
        number: Int,
        _ ready: @escaping @Sendable (SocketAddress?) -> Void
    ) -> Waiting {
        guard let record = self.records[route.number], record.isServing else { return .answer(nil) }
        if let address = record.readyAddress { return .answer(address) }
        self.records[route.number]?.waiters[number] = ready
        return .waits
    }

    mutating func stopWaiting(_ number: Int, for route: BackendRoute) {
        self.records[route.number]?.waiters[number] = nil
    }

    /// - Returns: Whether the token is open; if it is not, the caller ends the connection.
    mutating func register(_ route: BackendRoute, number: Int, _ end: @escaping @Sendable () -> Void) -> Bool {
        let key = ExactString(route.token)
        guard self.tokens[key] != nil else { return false }
        self.tokens[key]?.connections[number] = end
        return true
    }

    mutating func unregister(_ number: Int, of route: BackendRoute) {
        self.tokens[ExactString(route.token)]?.connections[number] = nil
    }

    /// - Returns: Whether the backend stays for now; if it does not, the caller says so.
    mutating func watch(_ route: BackendRoute, number: Int, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard self.isServing(route) else { return false }
        self.records[route.number]?.leavingWatchers[number] = body
        return true
    }

    mutating func stopWatching(_ number: Int, of route: BackendRoute) {
        self.records[route.number]?.leavingWatchers[number] = nil
    }

    func isServing(_ route: BackendRoute) -> Bool { self.records[route.number]?.isServing ?? false }

    /// Whether a live backend besides that of the route has a name as its own below the cluster's.
    /// - Parameter label: In lower case.
    func isNameOfOther(than id: BackendID, _ label: Substring) -> Bool {
        guard let holders = self.labels[String(label)] else { return false }
        return holders.contains { $0 != self.numbers[id] }
    }

    /// Takes back all tokens of a user for a backend.
    /// - Returns: How many there were, and what closes the connections that are open with them; `nil`: no such backend.
    mutating func revoke(_ id: BackendID, user: String) -> (count: Int, closings: [@Sendable () -> Void])? {
        guard let number = self.numbers[id], let record = self.records[number] else { return nil }
        if record.resume != nil { self.records[number]?.revokedUsers.insert(UserID(user)) }
        let revoked = record.tokens.filter {
            self.tokens[ExactString($0)]?.route.user?.hasSameBytes(as: user) == true
        }
        let closings = revoked.flatMap { self.forget($0) }
        self.dropForgottenTokens(of: number)
        return (revoked.count, closings)
    }

    mutating func dropForgottenTokens(of number: Int) {
        guard let tokens = self.records[number]?.tokens else { return }
        let left = tokens.filter { self.tokens[ExactString($0)] != nil }
        self.records[number]?.tokens = left
    }
}

extension BackendRecord {
    fileprivate mutating func open(
        _ route: BackendRoute,
        at now: NIODeadline,
        maximumHeldRequests: Int
    ) -> RouteAnswer {
        guard self.isServing, self.lease?.isEntitled(at: now) == true else { return .gone }
        let address = self.readyAddress
        guard address != nil || self.waiters.count < maximumHeldRequests else { return .full }
        self.activity.connectionOpened()
        return address.map { .ready(route, $0) } ?? .pending(route)
    }
}

extension IssuedToken {
    fileprivate mutating func closed(at now: NIODeadline, lifetime: TimeAmount) {
        self.openRequests -= 1
        if self.expiry != nil { self.expiry = now + lifetime }
    }
}
