import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct LeaveTests {
    @Test("A leave that overtakes the answer to its join leaves nothing behind")
    func overtaking() {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let witness = node.connect(shard: 1)
        witness.join(topic, as: "witness")
        node.settle()
        _ = witness.newLines()
        let client = node.connect(shard: 1)
        client.join(topic, as: "c")
        client.leave(topic)
        node.settle()
        #expect(witness.newLines() == ["joined:c", "left:c"])
        witness.say("hi", in: topic)
        node.settle()
        #expect(client.lines == [])
        #expect(client.joins == [])
        #expect(node.members(of: topic) == ["witness"])
        #expect(node.metrics.subscriptions == 1)
    }

    @Test("Of joins and leaves that overtake one another the last one counts", arguments: 1...4)
    func rejoining(times: Int) {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let client = node.connect(shard: 1)
        for number in 1...times {
            if number > 1 { client.leave(topic) }
            client.join(topic, as: "c\(number)")
        }
        node.settle()
        #expect(client.joins == [.init(topic: topic, outcome: .joined)])
        #expect(client.lines == ["joined:c\(times)"])
        #expect(node.members(of: topic) == ["c\(times)"])
        #expect(node.metrics.subscriptions == 1)
        client.leave(topic)
        node.settle()
        #expect(node.leftovers.isEmpty)
        client.join(topic, as: "again")
        node.settle()
        #expect(client.joins.count == 2)
    }

    @Test("A connection that closes while its join is on its way leaves nothing behind", arguments: 0...2)
    func closing(ticks: Int) {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let witness = node.connect(shard: 0)
        witness.join(topic, as: "witness")
        let client = node.connect(shard: 1)
        client.join(topic, as: "c")
        for tick in 0..<ticks { node.run((tick + 1) % 2) }
        client.close()
        node.settle()
        #expect(witness.lines == ["joined:witness", "joined:c", "left:c"])
        #expect(client.joins == [])
        #expect(client.lines == [])
        #expect(node.members(of: topic) == ["witness"])
        #expect(node.metrics.subscriptions == 1)
        witness.close()
        node.settle()
        #expect(node.leftovers.isEmpty)
    }

    @Test("The next tenant of a slot is not taken for the last one")
    func generations() {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let first = node.connect(shard: 1)
        first.join(topic, as: "first")
        first.close()
        let second = node.connect(shard: 1)
        #expect(second.id.slot == first.id.slot)
        #expect(second.id != first.id)
        node.settle()
        #expect(node.shard(1)[first.id] == nil)
        #expect(node.shard(1)[second.id] === second.connection)
        #expect(second.joins == [])
        #expect(second.lines == [])
        node.hub.expel(first.id, .slowConsumer)
        node.settle()
        #expect(second.expulsions == [])
        #expect(node.leftovers.isEmpty)
    }

    @Test("An expelled connection is told, wherever it is")
    func expel() {
        let node = TestHub(shards: 2)
        let client = node.connect(shard: 1)
        node.hub.expel(client.id, .slowConsumer)
        node.hub.expel(ConnectionID(shard: 9, slot: 0, generation: 0), .slowConsumer)
        node.settle()
        #expect(client.expulsions == [.slowConsumer])
    }

    @Test("A detached connection hears no more of its topics, but what was said before and replies still go out")
    func detached() {
        let node = TestHub()
        let alice = node.connect()
        let bob = node.connect()
        alice.join("r", as: "alice")
        bob.join("r", as: "bob")
        bob.say("before", in: "r")
        alice.shard.detach(alice.connection)
        bob.say("after", in: "r")
        alice.reply("bye")
        node.settle()
        #expect(alice.lines == ["joined:alice", "joined:bob", "bob:before", "bye"])
        #expect(node.members(of: "r") == ["bob"])
        alice.join("r", as: "alice")
        node.settle()
        #expect(alice.joins.count == 1)
        #expect(node.members(of: "r") == ["bob"])
    }

    @Test("Closing twice does nothing more, and nothing is written to who is closed")
    func closedTwice() {
        let node = TestHub()
        let client = node.connect()
        client.join("r", as: "c")
        client.close()
        client.close()
        client.reply("late")
        node.settle()
        #expect(client.writes.isEmpty)
        #expect(node.metrics.connections == [.relay: 0])
        let others = [node.connect(), node.connect()]
        #expect(others[0].id != others[1].id)
        #expect(node.leftovers.isEmpty)
    }

    @Test("Leaving a topic that one is not in, and publishing to it, reaches nobody")
    func stranger() {
        let node = TestHub(shards: 2)
        let member = node.connect()
        member.join("r", as: "member")
        node.settle()
        let stranger = node.connect(shard: 1)
        stranger.leave("r")
        stranger.leave("nowhere")
        stranger.say("hi", in: "r", wantsCompletion: true)
        node.settle()
        #expect(member.lines == ["joined:member"])
        // Said in vain, but the speaker is not left waiting.
        #expect(stranger.completions == 1)
        #expect(node.members(of: "r") == ["member"])
        stranger.join("r", as: "stranger")
        node.settle()
        #expect(stranger.joins.count == 1)
    }
}
