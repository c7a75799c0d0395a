import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct LocalTopicTests {
    @Test("When one leaves, the last takes its place, and everybody is still found", arguments: 0..<20 as Range<UInt64>)
    func swapRemoval(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let node = TestHub(formats: [LineFormat("a>"), LineFormat("b>")])
        let clients = (0..<8).map { node.connect(format: $0 % 2) }
        var joined = [Set<String>](repeating: [], count: clients.count)
        for step in 0..<300 {
            let index = Int.random(in: 0..<clients.count, using: &random)
            let topic = ["x", "y", "z"].randomElement(using: &random) ?? "x"
            if joined[index].remove(topic) != nil {
                clients[index].leave(topic)
            } else {
                clients[index].join(topic, as: "c\(index)")
                joined[index].insert(topic)
            }
            Self.check(node)
            #expect(
                clients.map { Set($0.connection.subscriptions.map(\.topic.key.name.value)) } == joined,
                "seed \(seed), step \(step)"
            )
        }
        for client in clients { client.close() }
        node.settle()
        #expect(node.leftovers.isEmpty)
        #expect(node.metrics.subscriptions == 0)
    }

    /// Connection and topic point at each other's place.
    private static func check(_ node: TestHub) {
        var subscriptions = 0
        for topic in node.shard(0).localTopics.values {
            #expect(!topic.isEmpty)
            for group in topic.groups {
                #expect(!group.subscribers.isEmpty)
                for (position, subscriber) in group.subscribers.enumerated() {
                    subscriptions += 1
                    #expect(subscriber.connection.format == group.format)
                    #expect(subscriber.connection.subscriptions[subscriber.slot].topic === topic)
                    #expect(subscriber.connection.subscriptions[subscriber.slot].position == position)
                }
            }
        }
        #expect(node.metrics.subscriptions == subscriptions)
    }
}
