import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct WakeTests {
    @Test(
        "A wake comes once, never early, and at most a tenth of a second late",
        arguments: [0, 1, 250, 51_000, 52_000, 120_000, 7_200_000]
    )
    func precision(milliseconds: Int64) throws {
        let node = TestHub()
        let client = node.connect()
        let deadline = node.loops[0].now + .milliseconds(milliseconds)
        client.shard.wake(client.connection, at: deadline)
        node.advance(by: .milliseconds(milliseconds + 100))
        try #require(client.wakes.count == 1)
        #expect(client.wakes[0] >= deadline)
        #expect(client.wakes[0] <= deadline + .milliseconds(100))
        node.advance(by: .minutes(10))
        #expect(client.wakes.count == 1)
    }

    @Test("The earliest request counts, and a later one beside it is not another wake")
    func earliest() {
        let node = TestHub()
        let client = node.connect()
        let now = node.loops[0].now
        client.shard.wake(client.connection, at: now + .seconds(10))
        client.shard.wake(client.connection, at: now + .seconds(5))
        client.shard.wake(client.connection, at: now + .seconds(20))
        node.advance(by: .seconds(30))
        #expect(client.wakes == [now + .seconds(5)])
    }

    @Test("Whoever wakes may ask for the next wake, and earlier requests do not multiply it")
    func again() {
        let node = TestHub()
        let client = node.connect()
        let start = node.loops[0].now
        client.onWake { $0.shard.wake($0.connection, at: $1 + .seconds(60)) }
        client.shard.wake(client.connection, at: start + .seconds(30))
        for minute in 0..<10 {
            // Something urgent, time and again.
            client.shard.wake(client.connection, at: node.loops[0].now + .seconds(1))
            node.advance(by: .seconds(30))
            #expect(client.wakes.count == minute + 1)
            #expect(client.connection.pendingWakes <= 2)
        }
    }

    @Test("A closed connection is not woken, nor is the next tenant of its slot")
    func closed() {
        let node = TestHub()
        let first = node.connect()
        first.shard.wake(first.connection, at: node.loops[0].now + .seconds(1))
        first.close()
        let second = node.connect()
        #expect(second.id.slot == first.id.slot)
        node.advance(by: .seconds(5))
        #expect(first.wakes.isEmpty && second.wakes.isEmpty)
    }

    @Test("Many connections on many shards are each woken at their own time")
    func many() {
        let node = TestHub(shards: 3)
        let clients = (0..<30).map { node.connect(shard: $0 % 3) }
        let start = node.loops[0].now
        for (index, client) in clients.enumerated() {
            client.shard.wake(client.connection, at: start + .milliseconds(Int64(index) * 330))
        }
        node.advance(by: .seconds(15))
        for (index, client) in clients.enumerated() {
            let late = client.wakes.map { $0 - start - .milliseconds(Int64(index) * 330) }
            #expect(late.count == 1 && late.allSatisfy { $0 >= .zero && $0 <= .milliseconds(100) })
        }
    }
}
