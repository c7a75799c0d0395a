import NIOCore
import NIOEmbedded
import ParleyModel

@testable import ParleyHub

/// A hub whose event loops run when a test says so.
final class TestHub {
    let loops: [CountingEventLoop]
    let hub: Hub
    let formats: [any WireFormat]
    private let formatIDs: [FormatID]

    init(
        shards: Int = 1,
        formats: [any WireFormat] = [LineFormat()],
        configure: (inout HubConfiguration) -> Void = { _ in }
    ) {
        var configuration = HubConfiguration(
            wallTime: { WallTime(milliseconds: 1_704_110_400_000) },
            makeRandom: { SeededGenerator(seed: 1) }
        )
        self.formats = formats
        self.formatIDs = formats.map { configuration.formats.register($0) }
        configure(&configuration)
        self.loops = (0..<shards).map { _ in CountingEventLoop() }
        self.hub = Hub(configuration: configuration, embedded: self.loops)
    }

    var lineFormats: [LineFormat] { self.formats.compactMap { $0 as? LineFormat } }

    func shard(_ index: Int) -> Shard { self.hub.shard(on: self.loops[index]) }

    func connect(
        shard: Int = 0,
        format: Int = 0,
        policy: SlowConsumerPolicy = SlowConsumerPolicy()
    ) -> ScriptedConnection {
        ScriptedConnection(
            self.shard(shard),
            dialect: self.formats[format].dialect,
            format: self.formatIDs[format],
            policy: policy
        )
    }

    func install(_ part: some HubPart) -> HubPartID {
        let id = self.hub.reservePart()
        self.hub.install(part, as: id)
        return id
    }

    /// Runs one tick of one loop.
    func run(_ shard: Int = 0) { self.loops[shard].run() }

    /// Runs all loops until nothing is on its way: nothing needs more than member to home to member to home to member.
    func settle() {
        for _ in 0..<6 {
            for loop in self.loops { loop.run() }
        }
    }

    func advance(by time: TimeAmount) {
        for loop in self.loops { loop.advance(by: time) }
        self.settle()
    }

    /// The names of those who are in a topic.
    func members(of topic: String, dialect: DialectName = .relay) -> [String] {
        self.topic(topic, dialect: dialect)?.machine.members.all.map(\.id) ?? []
    }

    func topic(_ name: String, dialect: DialectName = .relay) -> Topic? {
        let key = self.hub.configuration.key(TopicName(name), for: dialect)
        return self.shard(self.home(of: name, dialect: dialect)).topics[key]
    }

    func home(of topic: String, dialect: DialectName = .relay) -> Int {
        self.shard(0).home(of: self.hub.configuration.key(TopicName(topic), for: dialect))
    }

    /// A topic whose home is the given shard.
    func topic(at home: Int) -> String {
        (0...).lazy.map { "topic-\($0)" }.first { self.home(of: $0) == home } ?? ""
    }

    var metrics: HubMetrics {
        self.loops.indices.map { self.shard($0).metrics }.reduce(HubMetrics(), +)
    }

    /// What is left in the registries of all shards; empty when everybody has gone.
    var leftovers: [String] {
        self.loops.indices.flatMap { index -> [String] in
            let shard = self.shard(index)
            return shard.topics.keys.map { "topic \($0) on \(index)" }
                + shard.localTopics.keys.map { "local \($0) on \(index)" }
        }
    }
}
