import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct JoinTests {
    @Test("The joiner is welcomed before it hears of any event; the others hear of it once", arguments: 1...3)
    func welcome(shards: Int) {
        let node = TestHub(shards: shards, formats: [LineFormat(greets: true)])
        let alice = node.connect(shard: 0)
        alice.join("r", as: "alice")
        node.settle()
        #expect(alice.newLines() == ["welcome:alice|", "joined:alice"])
        let bob = node.connect(shard: shards - 1)
        bob.join("r", as: "bob")
        node.settle()
        #expect(alice.newLines() == ["joined:bob"])
        #expect(bob.newLines() == ["welcome:alice,bob|", "joined:bob"])
        #expect(alice.joins == [.init(topic: "r", outcome: .joined)])
        #expect(bob.joins == [.init(topic: "r", outcome: .joined)])
    }

    @Test("Presence is in the order of joining, and a leave is told to those who remain", arguments: 1...4)
    func presence(shards: Int) {
        let node = TestHub(shards: shards)
        let clients = (0..<5).map { node.connect(shard: $0 % shards) }
        for (index, client) in clients.enumerated() {
            client.join("r", as: "c\(index)")
            node.settle()
        }
        #expect(node.members(of: "r") == ["c0", "c1", "c2", "c3", "c4"])
        for client in clients { _ = client.newLines() }
        clients[1].leave("r")
        clients[3].close()
        node.settle()
        #expect(node.members(of: "r") == ["c0", "c2", "c4"])
        #expect(Set(clients[0].newLines()) == ["left:c1", "left:c3"])
        #expect(clients[1].lines.contains("left:c1") == false)
        clients[1].join("r", as: "c1")
        node.settle()
        #expect(node.members(of: "r") == ["c0", "c2", "c4", "c1"])
        #expect(node.metrics.subscriptions == 4)
    }

    @Test("On its own shard a join is answered before it returns, elsewhere when the home has heard of it")
    func answer() {
        let node = TestHub(shards: 2)
        let near = node.connect(shard: 0)
        near.join(node.topic(at: 0), as: "near")
        #expect(near.joins.count == 1)
        let far = node.connect(shard: 1)
        far.join(node.topic(at: 0), as: "far")
        #expect(far.joins.isEmpty)
        node.run(1)
        #expect(far.joins.isEmpty)
        node.run(0)
        #expect(far.joins.isEmpty)
        node.run(1)
        #expect(far.joins.count == 1)
        #expect(far.lines == ["joined:far"])
    }

    @Test("A topic comes into being with its first member and is forgotten after its last", arguments: 1...2)
    func life(shards: Int) {
        let node = TestHub(shards: shards)
        let client = node.connect(shard: shards - 1)
        #expect(node.topic("r") == nil)
        client.join("r", as: "c")
        node.settle()
        #expect(node.topic("r") != nil)
        #expect(node.metrics.topics == 1)
        client.leave("r")
        node.settle()
        #expect(node.leftovers.isEmpty)
        #expect(node.metrics.topics == 0)
        #expect(node.metrics.subscriptions == 0)
    }

    @Test("Each life of a topic has an epoch of its own, and counts what happens in it from one")
    func epochs() {
        let node = TestHub()
        let client = node.connect()
        var epochs: Set<UInt64> = []
        for _ in 0..<3 {
            client.join("r", as: "c")
            #expect(node.topic("r")?.machine.position.offset == 1)
            client.say("x", in: "r")
            #expect(node.topic("r")?.machine.position.offset == 2)
            epochs.insert(node.topic("r")?.machine.position.epoch ?? 0)
            client.leave("r")
        }
        #expect(epochs.count == 3)
    }

    @Test("Names that only look alike are different topics, on as many shards as they may be")
    func lookalikes() {
        let node = TestHub(shards: 4)
        let clients = ["caf\u{e9}", "cafe\u{301}"].map { topic in
            let client = node.connect(shard: 0)
            client.join(topic, as: "c")
            return client
        }
        node.settle()
        clients[0].say("hi", in: "caf\u{e9}")
        node.settle()
        #expect(clients.map(\.lines) == [["joined:c", "c:hi"], ["joined:c"]])
        for client in clients { client.close() }
        node.settle()
        #expect(node.leftovers.isEmpty)
    }
}
