internal import DequeModule
internal import NIOCore
internal import ParleyModel
internal import ParleyText

/// From an order to a backend that holds its key.
extension SupervisorMachine {
    enum Joining: Sendable {
        case joined(ConnectResult)
        /// The holder is at its end, and may be waited for.
        case ending
        /// The holder has ended already.
        case gone
    }

    /// - Parameter mayWait: Whether a backend at its end may be waited for.
    mutating func join(
        _ holder: BackendID,
        _ order: ConnectOrder,
        mayWait: Bool,
        _ secrets: TokenSecrets,
        at now: NIODeadline
    ) -> Result<Joining, BackendFailure> {
        guard let record = self[holder], !record.hasEnded else { return .success(.gone) }
        guard record.tag.hasSameBytes(as: order.tag) else { return .failure(.keyHeld) }
        if mayWait, !record.isServing { return .success(.ending) }
        return .success(.joined(self.makeResult(for: record, order, isSpawned: false, secrets, at: now)))
    }

    /// Takes note of a backend before it holds its key, so that whoever finds it there finds it here.
    /// - Parameter staticToken: A random one, for orders that want it.
    /// - Returns: Why it may not be; `nil`: it is.
    mutating func reserve(
        _ id: BackendID,
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder,
        node: String,
        staticToken: String?,
        at moment: Moment
    ) -> BackendFailure? {
        guard !self.isShuttingDown else { return .shuttingDown }
        guard self.live.count < self.configuration.maximumLive else { return .noCapacity }
        guard self.numbers[id] == nil else { return .invalidRequest("The id '\(id)' is taken") }
        if let wait = self.spawnWait(order.service?.account, now: moment.uptime) {
            return .rateLimited.retrying(after: wait)
        }
        let lifecycle = BackendLifecycle(limits: self.configuration.lifecycle, at: moment)
        var origin = order
        // One id, one backend.
        origin.spawn?.id = nil
        self.enter(
            BackendRecord(
                number: self.makeNumber(),
                id: id,
                key: key,
                tag: order.tag,
                service: order.service,
                node: node,
                createdAt: moment.wall,
                subdomain: spawn.subdomain,
                staticToken: staticToken,
                order: self.launchOrder(id, spawn, key, order.service, staticToken: staticToken),
                resume: spawn.resume,
                origin: spawn.resume == nil ? nil : origin,
                lifecycle: lifecycle,
                activity: ActivityClock(
                    scheduledAt: moment.uptime,
                    maximumIdle: spawn.maximumIdle,
                    lifetime: spawn.lifetime
                ),
                published: lifecycle.history
            )
        )
        return nil
    }

    private func launchOrder(
        _ id: BackendID,
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ service: ServiceName?,
        staticToken: String?
    ) -> LaunchOrder {
        var launch = LaunchOrder(backend: id, program: spawn.program)
        launch.workingDirectory = spawn.workingDirectory
        launch.limits = spawn.limits
        launch.pullPolicy = spawn.pullPolicy
        launch.mount = spawn.mount.map { $0.path(for: key) }
        launch.environment = spawn.environment
        launch.environment["SESSION_BACKEND_ID"] = id.text
        launch.environment["SESSION_BACKEND_KEY"] = key.name
        launch.environment["SESSION_BACKEND_STATIC_TOKEN"] = staticToken
        launch.environment["SESSION_BACKEND_BASE_PATH"] = staticToken.map {
            "\(self.configuration.pathPrefix)/\($0)/"
        }
        launch.environment["JAMSOCKET_SERVICE"] = service?.service
        return launch
    }

    /// Takes note of a spawn, if it may be.
    /// - Returns: Seconds until it may; `nil`: it may now.
    private mutating func spawnWait(_ account: String?, now: NIODeadline) -> Int? {
        guard let limit = self.configuration.spawnsPerMinute, let account else { return nil }
        var recent = self.spawns[ExactString(account), default: []]
        while let first = recent.first, first + .minutes(1) <= now { recent.removeFirst() }
        defer { self.spawns[ExactString(account)] = recent }
        guard recent.count >= limit, let first = recent.first else {
            recent.append(now)
            return nil
        }
        return Int((first + .minutes(1) - now).nanoseconds / 1_000_000_000) + 1
    }

    /// Takes back what ``reserve(_:_:_:_:node:staticToken:at:)`` did.
    mutating func abandon(_ id: BackendID) {
        // One that was told to end in the meantime does so in its own way.
        guard let record = self[id], !record.hasEnded else { return }
        self.leave(record)
        self.records[record.number] = nil
        self.numbers[id] = nil
    }

    /// A backend holds its key.
    /// - Parameter requested: When the key was asked for.
    /// - Returns: `nil`: it was told to end before it had begun, and the caller lets go of the key.
    mutating func acquired(
        _ grant: KeyGrant,
        for id: BackendID,
        _ order: ConnectOrder,
        requestedAt requested: NIODeadline,
        _ secrets: TokenSecrets,
        at now: NIODeadline
    ) -> (result: ConnectResult, effects: [BackendEffect])? {
        guard let number = self.numbers[id], self.records[number]?.hasEnded == false else { return nil }
        self.records[number]?.grant = grant
        self.records[number]?.fencingToken = grant.fencingToken
        self.records[number]?.lease = LeaseHolder(times: self.lease, requestedAt: requested)
        self.records[number]?.order.environment["SESSION_BACKEND_FENCING_TOKEN"] = "\(grant.fencingToken)"
        guard let record = self.records[number] else { return nil }
        self.spawnCount += 1
        self.heldCount += 1
        let result = self.makeResult(for: record, order, isSpawned: true, secrets, at: now)
        var effects: [BackendEffect] = []
        self.save(number, &effects)
        effects.add(.wake(self.watchers.take(.key(record.key))), for: id)
        effects.add(.logSpawn(record.service), for: id)
        effects.add(.take, for: id)
        return (result, effects)
    }

    private mutating func makeResult(
        for record: BackendRecord,
        _ order: ConnectOrder,
        isSpawned: Bool,
        _ secrets: TokenSecrets,
        at now: NIODeadline
    ) -> ConnectResult {
        let route = self.issueToken(for: record, order, secrets, at: now)
        return ConnectResult(
            backend: record.id,
            isSpawned: isSpawned,
            status: record.state.status,
            token: route.token,
            secretToken: route.secret,
            subdomain: record.subdomain,
            node: record.node
        )
    }

    // MARK: Tokens

    private mutating func issueToken(
        for record: BackendRecord,
        _ order: ConnectOrder,
        _ secrets: TokenSecrets,
        at now: NIODeadline
    ) -> BackendRoute {
        if let token = record.staticToken, let issued = self.tokens[ExactString(token)] { return issued.route }
        let isStatic = record.staticToken != nil
        let route = BackendRoute(
            token: record.staticToken ?? secrets.token,
            backend: record.id,
            user: isStatic ? nil : order.user,
            userData: isStatic ? nil : order.auth ?? "{}",
            secret: isStatic ? nil : secrets.secret,
            subdomain: record.subdomain,
            resume: record.resume,
            number: record.number
        )
        // A static token is as good as its backend.
        let expiry = isStatic ? nil : now + self.configuration.tokenLifetime
        self.tokens[ExactString(route.token)] = IssuedToken(route: route, expiry: expiry)
        self.records[record.number]?.tokens.append(route.token)
        self.records[record.number]?.tokenBytes += route.claimBytes
        self.forgetOldestToken(of: record.number)
        return route
    }

    /// Whoever connects in a loop pushes out tokens that are not used, not memory.
    private mutating func forgetOldestToken(of number: Int) {
        // Those in use go to the end, and have their turn again later.
        for _ in 0..<16 {
            guard let record = self.records[number] else { return }
            let isFull =
                record.tokens.count > self.configuration.maximumTokens
                || record.tokenBytes > self.configuration.maximumTokenBytes
            guard isFull, let oldest = self.records[number]?.tokens.popFirst() else { return }
            if let issued = self.tokens[ExactString(oldest)], issued.openRequests > 0 {
                self.records[number]?.tokens.append(oldest)
            } else {
                self.forget(oldest)
            }
        }
    }

    /// Opens nothing any more with a token, which the caller takes off its backend.
    /// - Returns: What closes the connections that are open with it.
    @discardableResult
    mutating func forget(_ token: String) -> [@Sendable () -> Void] {
        guard let issued = self.tokens.removeValue(forKey: ExactString(token)) else { return [] }
        self.records[issued.route.number]?.tokenBytes -= issued.route.claimBytes
        return Array(issued.connections.values)
    }
}

extension SpawnOrder.Mount {
    /// Relative to the base of all mounts. Keys of different scopes never share one by accident.
    func path(for key: BackendKey) -> String {
        switch self {
        case .path(let path): return path
        case .key: return ([key.scope, key.name].filter { !$0.isEmpty }).map(Self.components).joined(separator: "/")
        }
    }

    /// File systems take names of 255 bytes; longer ones become several, under marks that no escaped name has, so that none is
    /// within another.
    private static func components(_ text: String) -> String {
        let escaped = Array(Self.escaped(text).utf8)
        guard escaped.count > 240 else { return String(decoding: escaped, as: UTF8.self) }
        let parts = stride(from: 0, to: escaped.count, by: 240).map {
            String(decoding: escaped[$0..<min($0 + 240, escaped.count)], as: UTF8.self)
        }
        return (["~"] + parts + ["="]).joined(separator: "/")
    }

    /// One component of a path, whatever the key is made of.
    private static func escaped(_ text: String) -> String {
        PercentEncoding.encode(text) { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}
