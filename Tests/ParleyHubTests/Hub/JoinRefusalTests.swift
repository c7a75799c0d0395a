import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct JoinRefusalTests {
    @Test("A room that is full refuses the next one, and nobody in it notices", arguments: 1...3)
    func roomFull(shards: Int) {
        let node = TestHub(shards: shards)
        let members = (0..<2).map { node.connect(shard: $0 % shards) }
        for (index, member) in members.enumerated() { member.join("r", as: "m\(index)", maximum: 2) }
        node.settle()
        let writes = members.map(\.writes)
        let late = node.connect(shard: shards - 1)
        late.join("r", as: "late", maximum: 2)
        node.settle()
        #expect(late.joins == [.init(topic: "r", outcome: .refused(.roomFull))])
        late.close()
        node.settle()
        #expect(late.lines == [])
        #expect(members.map(\.writes) == writes)
        #expect(node.members(of: "r").count == 2)
        members[0].leave("r")
        node.settle()
        let next = node.connect()
        next.join("r", as: "next", maximum: 2)
        node.settle()
        #expect(next.joins == [.init(topic: "r", outcome: .joined)])
    }

    @Test("A name that must be unique refuses the second, who disturbs nobody by coming or going", arguments: 1...3)
    func duplicate(shards: Int) {
        let node = TestHub(shards: shards)
        let first = node.connect(shard: 0)
        first.join("r", as: "alice", uniqueness: .reject)
        node.settle()
        _ = first.newLines()
        let second = node.connect(shard: shards - 1)
        second.join("r", as: "alice", uniqueness: .reject)
        node.settle()
        #expect(second.joins == [.init(topic: "r", outcome: .refused(.duplicateUser))])
        second.close()
        node.settle()
        first.say("still here", in: "r")
        node.settle()
        #expect(first.newLines() == ["alice:still here"])
        #expect(second.lines == [])
        #expect(first.expulsions == [])
        #expect(node.members(of: "r") == ["alice"])
    }

    @Test("A name that may be taken over expels the first, whose place in the order the second takes", arguments: 1...3)
    func replaced(shards: Int) {
        let node = TestHub(shards: shards)
        let first = node.connect(shard: 0)
        first.onExpulsion { $0.close() }
        first.join("r", as: "alice", id: "alice-1", uniqueness: .replace)
        node.settle()
        let bob = node.connect(shard: 0)
        bob.join("r", as: "bob", uniqueness: .replace)
        node.settle()
        _ = bob.newLines()
        let second = node.connect(shard: shards - 1)
        second.join("r", as: "alice", id: "alice-2", uniqueness: .replace)
        node.settle()
        #expect(first.expulsions == [.replaced])
        #expect(first.lines == ["joined:alice-1", "joined:bob"])
        #expect(bob.newLines() == ["replaced:alice-1:alice-2"])
        #expect(second.newLines() == ["replaced:alice-1:alice-2"])
        #expect(node.members(of: "r") == ["alice-2", "bob"])
        bob.say("hi", in: "r")
        node.settle()
        #expect(second.newLines() == ["bob:hi"])
        #expect(node.metrics.subscriptions == 2)
        second.close()
        bob.close()
        node.settle()
        #expect(node.leftovers.isEmpty)
    }

    @Test("A topic beyond the limit is refused, live ones are not, and room comes back")
    func topicLimit() {
        let limit = TopicLimit(maximum: 1)
        let node = TestHub { $0.policies[SpaceID(rawValue: 3)] = SpacePolicy(limit: limit) }
        let alice = node.connect()
        let bob = node.connect()
        alice.join("one", as: "alice")
        bob.join("two", as: "bob")
        bob.join("one", as: "bob")
        #expect(
            bob.joins == [.init(topic: "two", outcome: .refused(.topicLimit)), .init(topic: "one", outcome: .joined)]
        )
        alice.close()
        bob.leave("one")
        bob.join("two", as: "bob")
        #expect(bob.joins.last == .init(topic: "two", outcome: .joined))
        #expect(limit.liveCount == 1)
    }

    @Test("A refusal leaves no topic behind")
    func refusedFirst() {
        let node = TestHub()
        let client = node.connect()
        client.join("r", as: "c", maximum: 0)
        #expect(client.joins == [.init(topic: "r", outcome: .refused(.roomFull))])
        #expect(node.leftovers.isEmpty)
        #expect(node.metrics.topics == 0)
    }
}
