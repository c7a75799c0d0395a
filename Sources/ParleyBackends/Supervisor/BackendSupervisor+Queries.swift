internal import DequeModule
internal import Logging
internal import ParleyHub
public import ParleyModel
internal import Synchronization

/// A backend as its owner sees it.
public struct BackendInfo: Sendable {
    public let id: BackendID
    public let key: BackendKey
    public let service: ServiceName?
    public let node: String
    public let createdAt: WallTime
    /// Every state so far, oldest first.
    public let states: [BackendState]
    public let memoryLimitBytes: Int?
    /// Requests in flight and upgraded sockets.
    public let openConnections: Int

    public var state: BackendState { self.states[self.states.count - 1] }

    init(_ record: BackendRecord) {
        self.id = record.id
        self.key = record.key
        self.service = record.service
        self.node = record.node
        self.createdAt = record.createdAt
        self.states = record.published
        self.memoryLimitBytes = record.order.limits.memoryLimitBytes
        self.openConnections = record.activity.openConnections
    }
}

/// How many backends there are, and were.
public struct BackendCounts: Sendable {
    /// Those that have not ended.
    public var live: [BackendStatus: Int] = [:]
    /// Requests in flight to them, and upgraded sockets.
    public var connections = 0
    public var spawned = 0
    /// `nil`: by itself.
    public var ended: [TerminationReason?: Int] = [:]
}

extension BackendSupervisor {
    public var counts: BackendCounts {
        self.state.withLock { state in
            var counts = BackendCounts()
            for id in state.live {
                guard let record = state.backends[id] else { continue }
                counts.live[record.state.status, default: 0] += 1
                counts.connections += record.activity.openConnections
            }
            counts.spawned = state.spawnCount
            counts.ended = state.endCounts
            return counts
        }
    }

    public func info(_ id: BackendID) throws(BackendFailure) -> BackendInfo {
        guard let info = self.state.withLock({ $0.backends[id].map { BackendInfo($0) } }) else {
            throw .backendNotFound
        }
        return info
    }

    /// Backends that have not ended, the oldest first.
    public func live() -> [BackendInfo] {
        self.state.withLock { state in
            state.backends.values.filter { $0.state.status != .terminated && $0.grant != nil }
                .sorted { ($0.createdAt, $0.id.text) < ($1.createdAt, $1.id.text) }
                .map { BackendInfo($0) }
        }
    }

    /// When the last backend of a service was made that is still known.
    public func lastSpawn(of name: ServiceName, anyEnvironment: Bool) -> WallTime? {
        self.state.withLock { state in
            state.backends.values.filter { record in
                guard var service = record.service else { return false }
                if anyEnvironment { service.environment = name.environment }
                return service == name
            }.map(\.createdAt).max()
        }
    }

    /// Whether a live backend besides `id` has a name as its own below the cluster's.
    /// - Parameter label: In lower case.
    public func isNameOfOther(than id: BackendID, _ label: Substring) -> Bool {
        self.state.withLock { state in
            state.live.contains { other in
                other != id
                    && (other.text == label
                        || state.backends[other]?.subdomain.map { $0.lowercased() == label } ?? false)
            }
        }
    }

    public var liveCount: Int { self.state.withLock { $0.live.count } }

    /// Every state of a backend so far, and from then on each as it is entered; ends after `terminated`.
    public func states(of id: BackendID) throws(BackendFailure) -> AsyncStream<BackendState> {
        // As many as there are states.
        let (stream, feed) = AsyncStream.makeStream(of: BackendState.self)
        let isKnown = self.state.withLock { state in
            guard let record = state.backends[id] else { return false }
            for element in record.published { feed.yield(element) }
            guard record.state.status != .terminated else {
                feed.finish()
                return true
            }
            let number = state.makeNumber()
            record.stateFeeds[number] = feed
            feed.onTermination = { _ in
                self.state.withLock { $0.backends[id]?.stateFeeds[number] = nil }
            }
            return true
        }
        guard isKnown else { throw .backendNotFound }
        return stream
    }

    /// The lines of output that are kept, and from then on each as it comes; a reader that is slow misses some.
    public func output(of id: BackendID) throws(BackendFailure) -> OutputLines {
        let number = self.state.withLock { $0.makeNumber() }
        let lines = OutputLines { self.state.withLock { $0.backends[id]?.logFeeds[number] = nil } }
        let isKnown = self.state.withLock { state in
            guard let record = state.backends[id] else { return false }
            for line in record.log.lines { lines.feed.append(line) }
            if record.state.status == .terminated {
                lines.feed.finish()
            } else {
                record.logFeeds[number] = lines.feed
            }
            return true
        }
        guard isKnown else { throw .backendNotFound }
        return lines
    }

    /// `nil` when it does not run, or cannot be measured.
    public func use(of id: BackendID) async -> ResourceUse? { await self.runtime.use(of: id) }

    /// Asks a backend to end, or kills it; does not wait for it.
    public func terminate(_ id: BackendID, _ kind: TerminationKind) throws(BackendFailure) {
        guard let status = self.state.withLock({ $0.backends[id]?.state.status }) else { throw .backendNotFound }
        guard status != .terminated else { throw .notRunning }
        self.receive(.stop(kind, .external), for: id)
    }

    /// Takes no new backends, ends all softly, and returns when none is left.
    public func shutDown() async {
        let ids = self.state.withLock { state in
            state.isShuttingDown = true
            state.wakeAll()
            return state.backends.values.filter { !$0.hasEnded }.map(\.id)
        }
        for id in ids { self.receive(.stop(.soft, .external), for: id) }
        while self.liveCount > 0 {
            self.sweep()
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
        await self.recorder?.close()
    }
}

extension BackendSupervisor {
    /// - Parameter isDraining: `false`: takes new backends again.
    /// - Returns: Whether that changed anything; `nil`: no such node.
    public func drain(_ node: String, _ isDraining: Bool = true) async -> Bool? {
        (try? await self.placement.drain(node, isDraining)) ?? nil
    }

    public func nodes() async -> [NodeTable.Node] { (try? await self.placement.nodes()) ?? [] }
}
