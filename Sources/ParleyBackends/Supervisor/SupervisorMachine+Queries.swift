internal import DequeModule
internal import ParleyHub
public import ParleyModel

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

/// What can be asked of the backends of a node.
extension SupervisorMachine {
    /// Those that can be asked for, whether they have ended or not.
    private var known: [BackendRecord] { self.numbers.values.compactMap { self.records[$0] } }

    var counts: BackendCounts {
        var counts = BackendCounts()
        for number in self.live {
            guard let record = self.records[number] else { continue }
            counts.live[record.state.status, default: 0] += 1
            counts.connections += record.activity.openConnections
        }
        counts.spawned = self.spawnCount
        counts.ended = self.endCounts
        return counts
    }

    /// Those that hold their keys and have not ended; in any order.
    var holders: [BackendInfo] {
        self.live.compactMap { number in
            self.records[number].flatMap {
                $0.grant != nil && $0.state.status != .terminated ? BackendInfo($0) : nil
            }
        }
    }

    func lastSpawn(of name: ServiceName, anyEnvironment: Bool) -> WallTime? {
        self.known.filter { record in
            guard var service = record.service else { return false }
            if anyEnvironment { service.environment = name.environment }
            return service == name
        }.map(\.createdAt).max()
    }

    // MARK: Listening

    /// - Parameter number: Of the listener's own, from ``makeNumber()``.
    /// - Returns: The states so far, and whether more will come, to the feed; `nil`: no such backend.
    mutating func listen(
        to id: BackendID,
        number: Int,
        _ feed: AsyncStream<BackendState>.Continuation
    ) -> (states: [BackendState], isOver: Bool)? {
        guard let key = self.numbers[id], let record = self.records[key] else { return nil }
        let isOver = record.state.status == .terminated
        if !isOver { self.records[key]?.stateFeeds[number] = feed }
        return (record.published, isOver)
    }

    mutating func stopListening(_ number: Int, to id: BackendID) {
        guard let key = self.numbers[id] else { return }
        self.records[key]?.stateFeeds[number] = nil
    }

    /// - Returns: The lines that are kept, and from then on each as it comes; `nil`: no such backend.
    mutating func read(_ id: BackendID, number: Int) -> OutputFeed? {
        guard let key = self.numbers[id], let record = self.records[key] else { return nil }
        let feed = OutputFeed(record.log)
        if record.state.status == .terminated {
            // Nobody waits yet.
            feed.finish()
        } else {
            self.records[key]?.logFeeds[number] = feed
        }
        return feed
    }

    mutating func stopReading(_ number: Int, of id: BackendID) {
        guard let key = self.numbers[id] else { return }
        self.records[key]?.logFeeds[number] = nil
    }
}
