import NIOCore
import NIOPosix
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HubTests {
    @Test("Each loop has a shard of its own; what is asked of all is answered in their order", .timeLimit(.minutes(1)))
    func collects() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let loops = Array(group.makeIterator())
        let hub = try await Hub(
            configuration: HubConfiguration(wallTime: { WallTime(milliseconds: 0) }),
            eventLoops: loops
        )
        #expect(hub.shardCount == 3)
        #expect(try await hub.collect(\.index) == [0, 1, 2])
        #expect(try await hub.collect { $0.eventLoop.inEventLoop } == [true, true, true])
        try await group.shutdownGracefully()
    }

    @Test("A connection is found from any thread while it is open", .timeLimit(.minutes(1)))
    func finds() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        var configuration = HubConfiguration(wallTime: { WallTime(milliseconds: 0) })
        let format = configuration.formats.register(LineFormat())
        let hub = try await Hub(configuration: configuration, eventLoops: loops)
        let loop = loops[1]
        let box = NIOLoopBoundBox<ScriptedConnection?>.makeEmptyBox(eventLoop: loop)
        let id = try await loop.submit {
            let client = ScriptedConnection(hub.shard(on: loop), dialect: .relay, format: format)
            client.join("r", as: "c")
            box.value = client
            return client.id
        }.get()
        #expect(
            try await hub.withConnection(id) { shard, connection in "\(shard.index) \(connection.id)" } == "1 1-0-0"
        )
        #expect(try await hub.withConnection(ConnectionID(shard: 7, slot: 0, generation: 0)) { _, _ in true } == nil)
        #expect(try await hub.withConnection(ConnectionID(shard: 1, slot: 5, generation: 0)) { _, _ in true } == nil)
        try await loop.submit { box.value?.close() }.get()
        #expect(try await hub.withConnection(id) { _, _ in true } == nil)
        try await group.shutdownGracefully()
    }

    @Test("Metrics of shards add up")
    func metrics() {
        let node = TestHub(shards: 3)
        let clients = (0..<6).map { node.connect(shard: $0 % 3) }
        for client in clients { client.join("r", as: "c") }
        node.settle()
        let before = node.metrics
        #expect(before.connections == [.relay: 6])
        #expect(before.subscriptions == 6)
        #expect(before.topics == 1)
        clients[0].say("hi", in: "r")
        node.settle()
        #expect(node.metrics.deliveries - before.deliveries == 6)
        #expect(node.metrics.publications == 1)
    }

    @Test("Every dialect has a space of its own unless told otherwise")
    func spaces() {
        let spaces = HubConfiguration.separateSpaces
        #expect(Set(spaces.keys) == Set(DialectName.allCases))
        #expect(Set(spaces.values).count == spaces.count)
    }
}
