public import NIOCore
public import ParleyModel
internal import Synchronization

/// One process's registry of connections and topics: a shard for each event loop, and the way between them.
///
/// What needs an answer from a shard is asked here, from any thread; message paths use the shard of their own loop.
public final class Hub: Sendable {
    public let configuration: HubConfiguration
    private let shards: [ShardReference]
    /// How many parts have been installed.
    let partCount = Atomic<Int>(0)

    /// - Parameter eventLoops: At least one; each becomes a shard.
    /// - Throws: ``StoreError`` when the store of histories cannot be read.
    public init(configuration: HubConfiguration, eventLoops: [any EventLoop]) async throws {
        let (configuration, shards) = Self.makeShards(configuration, eventLoops)
        self.configuration = configuration
        self.shards = shards
        for shard in shards {
            try await shard.run { $0.peers = shards }
        }
        guard let histories = self.configuration.histories else { return }
        var topics: [Int: [TopicKey]] = [:]
        for key in try await histories.store.topics() {
            topics[self.home(of: key), default: []].append(key)
        }
        for (index, topics) in topics {
            try await shards[index].run { $0.adopt(topics) }
        }
    }

    /// For loops that only run when they are told to: tests drive them by hand.
    package init(configuration: HubConfiguration, embedded eventLoops: [any EventLoop]) {
        let (configuration, shards) = Self.makeShards(configuration, eventLoops)
        self.configuration = configuration
        self.shards = shards
        for shard in shards { shard.withShard { $0.peers = shards } }
    }

    private static func makeShards(
        _ configuration: HubConfiguration,
        _ eventLoops: [any EventLoop]
    ) -> (HubConfiguration, [ShardReference]) {
        var configuration = configuration
        configuration.shards = eventLoops.count
        let shards = eventLoops.enumerated().map { index, eventLoop in
            ShardReference(index: index, eventLoop: eventLoop, configuration: configuration)
        }
        return (configuration, shards)
    }

    public var shardCount: Int { self.shards.count }

    /// The shard of an event loop, for code that runs on that loop.
    public func shard(on eventLoop: any EventLoop) -> Shard {
        guard let reference = self.shards.first(where: { $0.eventLoop === eventLoop }) else {
            preconditionFailure(
                "The event loop is none of this hub's: connections must be accepted on the loops it was made with."
            )
        }
        return reference.withShard { $0 }
    }

    func reference(to shard: Int) -> ShardReference { self.shards[shard] }

    /// The loop of a shard.
    public func eventLoop(of shard: Int) -> any EventLoop { self.shards[shard].eventLoop }

    /// Runs `body` on every shard's own loop and returns what they gave, in the order of the shards.
    ///
    /// A question of this process about itself, for numbers and for what an operator asks. What one client has to tell others is a
    /// message or a ``ShardCommand``, which can leave the process.
    public func collect<Value: Sendable>(_ body: @escaping @Sendable (Shard) -> Value) async throws -> [Value] {
        var values: [Value] = []
        for shard in self.shards {
            values.append(try await shard.run(body))
        }
        return values
    }

    /// Runs `body` with a connection, on its loop.
    /// - Returns: `nil` when it is closed.
    public func withConnection<Value: Sendable>(
        _ id: ConnectionID,
        _ body: @escaping @Sendable (Shard, Connection) -> Value
    ) async throws -> Value? {
        guard Int(id.shard) < self.shards.count else { return nil }
        return try await self.shards[Int(id.shard)].run { shard in
            shard[id].map { body(shard, $0) }
        }
    }

    /// Who is in a topic, in the order of joining.
    public func members(of topic: TopicName, for dialect: DialectName) async throws -> [Member] {
        let key = self.configuration.key(topic, for: dialect)
        return try await self.shards[self.home(of: key)].run { shard in
            shard.topics[key]?.machine.members.all ?? []
        }
    }

    /// Closes a connection of whichever shard, because the hub as a whole is short of something.
    public func expel(_ connection: ConnectionID, _ reason: CloseReason) {
        guard Int(connection.shard) < self.shards.count else { return }
        self.shards[Int(connection.shard)].post([.expel(connection, nil, reason)])
    }
}

/// A shard as other threads may hold it: they can only have work run on its loop.
struct ShardReference: Sendable {
    let eventLoop: any EventLoop
    private let shard: NIOLoopBoundBox<Shard>
    private let mailbox: Mailbox

    init(index: Int, eventLoop: any EventLoop, configuration: HubConfiguration) {
        self.eventLoop = eventLoop
        let mailbox = Mailbox()
        self.mailbox = mailbox
        self.shard = .makeBoxSendingValue(
            Shard(index: index, eventLoop: eventLoop, configuration: configuration, mailbox: mailbox),
            eventLoop: eventLoop
        )
    }

    func withShard<Value>(_ body: (Shard) -> Value) -> Value {
        body(self.shard.value)
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable (Shard) -> Value) async throws -> Value {
        try await self.eventLoop.submit { self.withShard(body) }.get()
    }

    /// What it has not heard yet.
    var load: Mailbox.Load { self.mailbox.load }

    /// - Parameter bytes: What `batch` holds of messages.
    func post(_ batch: [ShardMessage], bytes: Int = 0) {
        guard self.mailbox.put(batch, bytes: bytes) else { return }
        self.eventLoop.execute { self.withShard { $0.receiveMail() } }
    }
}
