import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `Shard+Histories.swift`.
@Suite struct HistoryBoundTests {
    private static let message = String(repeating: "x", count: 1000)

    private static func node(
        maximumBytes: Int,
        shards: Int = 1,
        memory: MemoryLedger? = nil,
        limit: TopicLimit = TopicLimit(maximum: 0)
    ) -> TestHub {
        TestHub(shards: shards, formats: [LineFormat(greets: true)]) {
            $0.maximumHistoryBytes = maximumBytes
            $0.memory = memory
            $0.policies[SpaceID(rawValue: 3)] = SpacePolicy(
                history: HistoryPolicy(limit: 100),
                retention: .seconds(300),
                limit: limit
            )
        }
    }

    /// A visit that leaves messages behind.
    private static func visit(_ node: TestHub, _ room: String, messages: Int = 10) {
        let client = node.connect()
        client.join(room, as: "c")
        for _ in 0..<messages { client.say(Self.message, in: room) }
        client.leave(room)
        node.settle()
    }

    @Test(
        "However many rooms are made, their histories stay within the bound, and the longest empty go first",
        arguments: [1, 3]
    )
    func plateau(shards: Int) {
        let limit = TopicLimit(maximum: 0)
        let node = Self.node(maximumBytes: 1 << 20, shards: shards, limit: limit)
        for number in 0..<500 { Self.visit(node, "room-\(number)") }
        #expect(node.metrics.historyBytes <= 1 << 20)
        #expect(node.metrics.historyBytes > 1 << 19)
        #expect(node.metrics.topics < 110)
        #expect(node.metrics.topics + node.metrics.evictedTopics == 500)
        #expect(limit.liveCount == node.metrics.topics)
        #expect(node.topic("room-0") == nil)
        #expect(node.topic("room-499") != nil)
        node.advance(by: .seconds(301))
        #expect(node.leftovers.isEmpty)
        #expect(node.metrics.historyBytes == 0)
    }

    @Test("Who comes back finds what was said, and coming and going over and over costs nothing")
    func returning() {
        let node = Self.node(maximumBytes: 1 << 20)
        Self.visit(node, "r", messages: 3)
        for _ in 0..<100 { Self.visit(node, "r", messages: 0) }
        let bytes = node.metrics.historyBytes
        #expect(bytes > 3000 && bytes < 5000)
        let client = node.connect()
        client.join("r", as: "c")
        node.settle()
        #expect(client.lines.first == "welcome:c|" + Array(repeating: Self.message, count: 3).joined(separator: ","))
        client.leave("r")
        node.advance(by: .seconds(301))
        #expect(node.metrics.historyBytes == 0)
    }

    @Test("A room that somebody is in is not forgotten; what was said in it first is, when there is no other room")
    func live() {
        let node = Self.node(maximumBytes: 1 << 20)
        Self.visit(node, "idle")
        let clients = (0..<20).map { number in
            let client = node.connect()
            client.join("live-\(number)", as: "c")
            return client
        }
        for (number, client) in clients.enumerated() {
            for _ in 0..<100 { client.say(Self.message, in: "live-\(number)") }
            node.settle()
        }
        #expect(node.topic("idle") == nil)
        #expect(node.metrics.topics == 20)
        // The newest message of each stays, as its members have yet to see it.
        #expect(node.metrics.historyBytes <= (1 << 20) + 20 * 1300)
        #expect(node.metrics.discardedPublications > 0)
        for (number, client) in clients.enumerated() {
            client.leave("live-\(number)")
            node.settle()
        }
        #expect(node.metrics.historyBytes <= 1 << 20)
    }

    @Test("A process that is short of memory lets go of half of what nobody looks at, the oldest first")
    func ledger() {
        let ledger = MemoryLedger(maximumBytes: 1 << 20)
        let node = Self.node(maximumBytes: 100 << 20, memory: ledger)
        for number in 0..<80 { Self.visit(node, "room-\(number)") }
        #expect(ledger.bytes(of: .history) == node.metrics.historyBytes)
        let other = ledger.open(.output) {}
        other.update(bytes: 400_000)
        node.settle()
        #expect(ledger.totalBytes <= 1 << 20)
        #expect(ledger.bytes(of: .output) == 400_000)
        #expect(ledger.bytes(of: .history) == node.metrics.historyBytes)
        #expect((35...45).contains(node.metrics.topics))
        #expect(node.topic("room-0") == nil)
        #expect(node.topic("room-79") != nil)
    }
}
