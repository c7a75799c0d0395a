import Testing

@testable import ParleyHub

@Suite struct CrossingTests {
    @Test("All that one shard tells another in a tick travels in one task")
    func oneTask() {
        let node = TestHub(shards: 3)
        let topics = (0..<3).map { node.topic(at: $0) }
        let clients = (0..<4).map { _ in node.connect(shard: 0) }
        for client in clients {
            for topic in topics { client.join(topic, as: "c") }
        }
        node.settle()
        for client in clients {
            for topic in topics {
                for number in 0..<10 { client.say("\(number)", in: topic, wantsCompletion: true) }
            }
        }
        let before = node.loops.map(\.taskCount)
        node.run(0)
        #expect(zip(node.loops, before).map { $0.taskCount - $1 } == [0, 1, 1])
        // The way back: one for the home's own end of tick, and one task to shard 0.
        node.run(1)
        #expect(zip(node.loops, before).map { $0.taskCount - $1 } == [1, 2, 1])
        node.settle()
        #expect(clients.allSatisfy { $0.completions == 30 })
    }

    @Test("A publication crosses once to a shard, however many subscribers are there")
    func onceAShard() {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let far = (0..<20).map { _ in node.connect(shard: 1) }
        for client in far { client.join(topic, as: "c") }
        let near = node.connect(shard: 0)
        near.join(topic, as: "near")
        node.settle()
        let before = node.loops[1].taskCount
        near.say("hi", in: topic)
        node.run(0)
        #expect(node.loops[1].taskCount - before == 1)
        node.run(1)
        #expect(far.allSatisfy { $0.lines.last == "near:hi" })
    }

    @Test("A quiet hub schedules nothing")
    func quiet() {
        let node = TestHub(shards: 2)
        let client = node.connect(shard: 0)
        client.join(node.topic(at: 1), as: "c")
        node.settle()
        let before = node.loops.map(\.taskCount)
        node.settle()
        #expect(node.loops.map(\.taskCount) == before)
    }

    @Test("What two publishers on two shards say is heard in one order by all")
    func oneOrder() {
        let node = TestHub(shards: 3)
        let clients = (0..<6).map { node.connect(shard: $0 % 3) }
        for (index, client) in clients.enumerated() {
            client.join("r", as: "c\(index)")
            node.settle()
        }
        for client in clients { _ = client.newLines() }
        for number in 0..<20 {
            for client in clients.shuffled() { client.say("\(number)", in: "r") }
            node.run(number % 3)
        }
        node.settle()
        let heard = clients.map { $0.newLines() }
        #expect(heard.allSatisfy { $0 == heard[0] })
        #expect(heard[0].count == 120)
        for index in clients.indices {
            #expect(heard[0].filter { $0.hasPrefix("c\(index):") } == (0..<20).map { "c\(index):\($0)" })
        }
    }
}
