internal import DequeModule
public import Logging
public import NIOCore
public import ParleyHub
public import ParleyModel
internal import ParleyText
internal import Synchronization

/// Starts backends, watches over them, ends them, and knows who may reach them. At most one live backend per key.
///
/// Safe to use from anywhere; everything is decided under one lock, which is never held while something is waited for.
public final class BackendSupervisor: Sendable {
    struct State: Sendable {
        var backends: [BackendID: BackendRecord] = [:]
        var tokens: [ExactString: BackendRoute] = [:]
        /// Backends at their end, the oldest first.
        var ended: Deque<(id: BackendID, at: NIODeadline)> = []
        /// Those whose output is kept, the oldest first.
        var keptOutput: Deque<BackendID> = []
        var keptOutputBytes = 0
        /// Those that hold a key, or are about to.
        var live: Set<BackendID> = []
        var isShuttingDown = false
        /// When each account has spawned during the last minute.
        var spawns: [ExactString: Deque<NIODeadline>] = [:]
        /// Those who wait for something to happen to a backend or a key.
        var watchers: [Subject: [Int: Watcher]] = [:]
        /// How many backends have taken their keys.
        var spawnCount = 0
        var endCounts: [TerminationReason?: Int] = [:]
        var restarts: [BackendKey: RestartPace] = [:]
        var nextNumber = 0
        var random = PooledRandom()

        mutating func makeNumber() -> Int {
            self.nextNumber += 1
            return self.nextNumber
        }
    }

    public let configuration: SupervisorConfiguration
    let runtime: any BackendRuntime
    let keyLock: any KeyLock
    let placement: any Placement
    /// Returns when the backend at the address has answered HTTP; throws when it cannot be asked at all.
    let poll: @Sendable (SocketAddress) async throws -> Void
    let uptime: @Sendable () -> NIODeadline
    let wallTime: @Sendable () -> WallTime
    let logger: Logger
    let recorder: BackendRecorder?
    let state = Mutex(State())

    /// - Parameter store: Where backends are known beyond this life; see ``restore(orphans:)``.
    public init(
        _ configuration: SupervisorConfiguration,
        runtime: any BackendRuntime,
        keyLock: any KeyLock,
        placement: any Placement,
        poll: @escaping @Sendable (SocketAddress) async throws -> Void,
        store: (any BackendStore)? = nil,
        uptime: @escaping @Sendable () -> NIODeadline = { .now() },
        wallTime: @escaping @Sendable () -> WallTime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.runtime = runtime
        self.keyLock = keyLock
        self.placement = placement
        self.poll = poll
        self.uptime = uptime
        self.wallTime = wallTime
        self.logger = logger
        self.recorder = store.map { BackendRecorder($0, logger: logger) }
    }

    var moment: BackendLifecycle.Moment { .init(uptime: self.uptime(), wall: self.wallTime()) }

    // MARK: Connecting

    /// How often a connect tries again when it loses a race for its key.
    private static let attempts = 3

    /// Finds the backend that holds the key, or spawns one, and makes a token for it. Does not wait until it is ready.
    public func connect(_ order: ConnectOrder) async throws(BackendFailure) -> ConnectResult {
        let key = order.key ?? BackendKey(scope: order.scope, name: "lk-" + Self.randomName())
        let patience = self.uptime() + self.configuration.waitForRelease
        var attempt = 0
        while attempt < Self.attempts {
            if let holder = try await self.holder(of: key) {
                let mayWait = order.spawn != nil && self.uptime() < patience
                switch try self.join(holder, order, mayWait: mayWait) {
                case .joined(let result): return result
                // In an instant the key is free.
                case .gone: attempt += 1
                case .ending: break
                }
                do {
                    try await Task.sleep(for: .milliseconds(attempt > 0 ? attempt * 5 : 20))
                } catch {
                    // Nobody waits for the answer any more.
                    throw .keyLockFailed
                }
            } else {
                guard let spawn = order.spawn else { throw .keyUnheld }
                if let spawned = try await self.spawn(spawn, key, order) { return spawned }
                attempt += 1
            }
        }
        throw .keyLockFailed
    }

    private func holder(of key: BackendKey) async throws(BackendFailure) -> LeaseTable.Grant? {
        do {
            return try await self.keyLock.holder(of: key)
        } catch {
            throw self.keyLockFailed(error)
        }
    }

    private func keyLockFailed(_ error: any Error) -> BackendFailure {
        self.logger.error("The lock of keys cannot be asked", metadata: ["error": "\(ErrorText.of(error))"])
        return .keyLockFailed
    }

    private enum Joining {
        case joined(ConnectResult)
        /// The holder is at its end, and may be waited for.
        case ending
        /// The holder has ended already.
        case gone
    }

    private func join(
        _ holder: LeaseTable.Grant,
        _ order: ConnectOrder,
        mayWait: Bool
    ) throws(BackendFailure) -> Joining {
        let outcome: Result<Joining, BackendFailure> = self.state.withLock { state in
            guard let record = state.backends[BackendID(unchecked: holder.holder)], !record.hasEnded else {
                return .success(.gone)
            }
            guard record.tag.hasSameBytes(as: order.tag) else { return .failure(.keyHeld) }
            if mayWait, !record.lifecycle.status.isServing { return .success(.ending) }
            return .success(.joined(self.makeResult(for: record, order, isSpawned: false, &state)))
        }
        return try outcome.get()
    }

    /// - Returns: `nil` when somebody else was faster.
    private func spawn(
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder
    ) async throws(BackendFailure) -> ConnectResult? {
        let node: String
        do {
            guard let place = try await self.placement.place(cluster: self.configuration.cluster, pool: order.pool)
            else {
                throw BackendFailure.draining
            }
            node = place
        } catch let failure as BackendFailure {
            throw failure
        } catch {
            throw self.keyLockFailed(error)
        }
        // Known before it holds the key, so that whoever finds it there finds it here.
        let id = try self.reserve(spawn, key, order, node: node)
        let acquisition: LeaseTable.Acquisition
        let requested = self.uptime()
        do {
            acquisition = try await self.keyLock.acquire(key, for: id.text)
        } catch {
            self.abandon(id)
            throw self.keyLockFailed(error)
        }
        guard case .acquired(let grant) = acquisition else {
            self.abandon(id)
            return nil
        }
        let result: ConnectResult? = self.state.withLock { state in
            guard let record = state.backends[id], !record.hasEnded else { return nil }
            self.placement.count(1, on: node)
            record.grant = grant
            record.fencingToken = grant.fencingToken
            self.note(record)
            record.lease = LeaseHolder(times: self.configuration.lease, requestedAt: requested)
            record.order.environment["SESSION_BACKEND_FENCING_TOKEN"] = "\(grant.fencingToken)"
            state.spawnCount += 1
            state.wake(.key(key))
            return self.makeResult(for: record, order, isSpawned: true, &state)
        }
        guard let result else {
            // Told to end before it had begun.
            try? await self.keyLock.release(grant)
            throw .shuttingDown
        }
        self.logger.info(
            "Backend spawned",
            metadata: ["backend": "\(id)", "service": "\(order.service?.description ?? "")"]
        )
        if let recorder = self.recorder {
            Task {
                // Before the process can use it: no later life may give the token again.
                await recorder.flush()
                self.receive(.taken, for: id)
            }
        } else {
            self.receive(.taken, for: id)
        }
        return result
    }

    private func reserve(
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder,
        node: String
    ) throws(BackendFailure) -> BackendID {
        let id = spawn.id ?? BackendID(unchecked: Self.randomName())
        let moment = self.moment
        let failure: BackendFailure? = self.state.withLock { state in
            guard !state.isShuttingDown else { return .shuttingDown }
            guard state.live.count < self.configuration.maximumLive else { return .noCapacity }
            guard state.backends[id] == nil else { return .invalidRequest("The id '\(id)' is taken") }
            if let wait = self.spawnWait(order.service?.account, now: moment.uptime, &state) {
                return .rateLimited.retrying(after: wait)
            }
            state.live.insert(id)
            state.backends[id] = Self.makeRecord(
                id,
                spawn,
                key,
                order,
                node: node,
                configuration: self.configuration,
                at: moment
            )
            return nil
        }
        if let failure { throw failure }
        return id
    }

    private static func makeRecord(
        _ id: BackendID,
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder,
        node: String,
        configuration: SupervisorConfiguration,
        at moment: BackendLifecycle.Moment
    ) -> BackendRecord {
        var launch = LaunchOrder(backend: id, program: spawn.program)
        launch.workingDirectory = spawn.workingDirectory
        launch.limits = spawn.limits
        launch.pullPolicy = spawn.pullPolicy
        launch.mount = spawn.mount.map { $0.path(for: key) }
        var random = SystemRandomNumberGenerator()
        let staticToken = spawn.usesStaticToken ? "s." + GatewayToken.make(using: &random) : nil
        launch.environment = spawn.environment
        launch.environment["SESSION_BACKEND_ID"] = id.text
        launch.environment["SESSION_BACKEND_KEY"] = key.name
        launch.environment["SESSION_BACKEND_STATIC_TOKEN"] = staticToken
        launch.environment["SESSION_BACKEND_BASE_PATH"] = staticToken.map { "\(configuration.pathPrefix)/\($0)/" }
        launch.environment["JAMSOCKET_SERVICE"] = order.service?.service
        let lifecycle = BackendLifecycle(limits: configuration.lifecycle, at: moment)
        let record = BackendRecord(
            id: id,
            key: key,
            tag: order.tag,
            service: order.service,
            node: node,
            createdAt: moment.wall,
            subdomain: spawn.subdomain,
            staticToken: staticToken,
            order: launch,
            lifecycle: lifecycle,
            activity: ActivityClock(
                scheduledAt: moment.uptime,
                maximumIdle: spawn.maximumIdle,
                lifetime: spawn.lifetime
            ),
            published: lifecycle.history
        )
        if let resume = spawn.resume {
            record.resume = resume
            record.origin = order
            // One id, one backend.
            record.origin?.spawn?.id = nil
        }
        return record
    }

    /// Takes back what ``reserve(_:_:_:node:)`` did.
    private func abandon(_ id: BackendID) {
        self.state.withLock { state in
            // One that was told to end in the meantime has done so in its own way.
            guard state.backends[id]?.hasEnded == false else { return }
            state.backends[id] = nil
            state.live.remove(id)
        }
    }

    /// Takes note of a spawn, if it may be.
    /// - Returns: Seconds until it may; `nil`: it may now.
    private func spawnWait(_ account: String?, now: NIODeadline, _ state: inout State) -> Int? {
        guard let limit = self.configuration.spawnsPerMinute, let account else { return nil }
        var recent = state.spawns[ExactString(account), default: []]
        while let first = recent.first, first + .minutes(1) <= now { recent.removeFirst() }
        defer { state.spawns[ExactString(account)] = recent }
        guard recent.count >= limit, let first = recent.first else {
            recent.append(now)
            return nil
        }
        return Int((first + .minutes(1) - now).nanoseconds / 1_000_000_000) + 1
    }

    private func makeResult(
        for record: BackendRecord,
        _ order: ConnectOrder,
        isSpawned: Bool,
        _ state: inout State
    ) -> ConnectResult {
        let route = self.issueToken(for: record, order, &state)
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

    static func randomName() -> String {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return RandomIdentifier.base36(length: 14, using: &random)
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
