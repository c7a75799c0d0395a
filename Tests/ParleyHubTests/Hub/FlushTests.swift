import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct FlushTests {
    @Test("However much happens in a tick, a connection gets one write of one chunk", arguments: 1...2)
    func oneWrite(shards: Int) {
        let node = TestHub(shards: shards)
        let topic = node.topic(at: 0)
        let clients = (0..<3).map { _ in node.connect(shard: shards - 1) }
        for client in clients { client.join(topic, as: "c") }
        node.settle()
        let before = clients.map(\.writes.count)
        for number in 0..<50 { clients[0].say("\(number)", in: topic) }
        #expect(clients.map(\.writes.count) == before)
        node.settle()
        #expect(zip(clients, before).allSatisfy { $0.writes.count == $1 + 1 })
        #expect(clients.allSatisfy { $0.writes.last?.messages == 50 && $0.writes.last?.chunks == 1 })
    }

    @Test(
        "Where single messages may have to be dropped, each keeps its own chunk",
        arguments: [SlowConsumerPolicy.Overflow.dropOldest, .keepLatest]
    )
    func chunks(overflow: SlowConsumerPolicy.Overflow) {
        let node = TestHub()
        let client = node.connect(policy: SlowConsumerPolicy(overflow: overflow))
        client.join("r", as: "c")
        client.say("1", in: "r")
        client.say("2", in: "r")
        node.settle()
        #expect(client.writes == [.init(lines: ["joined:c", "c:1", "c:2"], chunks: 3, messages: 3)])
    }

    @Test("A tick with more than 256 KiB is written in parts, in order and complete", arguments: 1...2)
    func fullArena(shards: Int) {
        let node = TestHub(shards: shards)
        let topic = node.topic(at: 0)
        let clients = (0..<2).map { _ in node.connect(shard: shards - 1) }
        for client in clients { client.join(topic, as: "c") }
        node.settle()
        for client in clients { _ = client.newLines() }
        let before = clients.map(\.writes.count)
        let texts = (0..<10).map { "\($0)" + String(repeating: "x", count: 100 * 1024) }
        for text in texts { clients[0].say(text, in: topic) }
        if shards == 1 {
            // Three messages pass the threshold, so that every third but the first has made room before itself.
            #expect(zip(clients, before).allSatisfy { $0.writes.count == $1 + 3 })
        }
        node.settle()
        #expect(clients.allSatisfy { $0.newLines() == texts.map { "c:\($0)" } })
        #expect(zip(clients, before).allSatisfy { $0.writes.count == $1 + 4 })
    }

    @Test("A flush may be asked for before the end of the tick")
    func early() {
        let node = TestHub()
        let client = node.connect()
        client.reply("now")
        #expect(client.lines == [])
        client.shard.flushNotes()
        #expect(client.lines == ["now"])
        node.settle()
        #expect(client.writes.count == 1)
    }

    @Test("A connection that dies in a flush leaves after it; the others get that flush whole, and then hear of it")
    func leavesDuringFlush() {
        let node = TestHub()
        let clients = (0..<4).map { _ in node.connect() }
        for (index, client) in clients.enumerated() { client.join("r", as: "c\(index)") }
        node.settle()
        for client in clients { _ = client.newLines() }
        clients[1].onWrite { client in
            client.shard.afterFlush { client.close() }
            #expect(node.members(of: "r").count == 4)
        }
        clients[0].say("hi", in: "r")
        node.settle()
        #expect(clients[1].newLines() == ["c0:hi"])
        for index in [0, 2, 3] { #expect(clients[index].newLines() == ["c0:hi", "left:c1"]) }
        #expect(node.members(of: "r") == ["c0", "c2", "c3"])
    }

    @Test("Closing and detaching in the middle of a flush wait for its end", arguments: [true, false])
    func closesDuringFlush(closes: Bool) {
        let node = TestHub()
        let clients = (0..<3).map { _ in node.connect() }
        for (index, client) in clients.enumerated() { client.join("r", as: "c\(index)") }
        node.settle()
        for client in clients { _ = client.newLines() }
        clients[0].onWrite { _ in
            if closes { clients[2].close() } else { clients[2].shard.detach(clients[2].connection) }
        }
        clients[1].say("hi", in: "r")
        node.settle()
        #expect(clients[2].newLines() == ["c1:hi"])
        #expect(clients[1].newLines() == ["c1:hi", "left:c2"])
    }

    @Test("Outside of a flush such work is done at once")
    func atOnce() {
        let node = TestHub()
        var done = 0
        node.shard(0).afterFlush { done += 1 }
        #expect(done == 1)
    }

    @Test("When the arena fills up in the middle of an event, who dies of that leaves after the event, in every format")
    func dyingWhileDistributing() {
        let node = TestHub(formats: [LineFormat("a>"), LineFormat("b>")])
        let clients = (0..<4).map { node.connect(format: $0 % 2) }
        for (index, client) in clients.enumerated() { client.join("r", as: "c\(index)") }
        node.settle()
        for client in clients { _ = client.newLines() }
        clients[3].onWrite { client in client.shard.afterFlush { client.close() } }
        // Encoded for the first format this fills the arena, which is flushed before the second format's turn.
        clients[3].reply("x")
        let text = String(repeating: "x", count: 300 * 1024)
        clients[0].say(text, in: "r")
        node.settle()
        #expect(clients[0].newLines() == ["a>c0:\(text)", "a>left:c3"])
        #expect(clients[1].newLines() == ["b>c0:\(text)", "b>left:c3"])
    }

    @Test("When the arena fills up during a join, who dies of that is not announced after it has left")
    func dyingWhileJoining() {
        let node = TestHub(formats: [LineFormat(greets: true)])
        let witness = node.connect()
        witness.join("r", as: "witness")
        node.settle()
        _ = witness.newLines()
        let client = node.connect()
        client.onWrite { client in client.shard.afterFlush { client.close() } }
        client.reply(String(repeating: "x", count: 300 * 1024))
        client.join("r", as: "c")
        node.settle()
        #expect(witness.newLines() == ["joined:c", "left:c"])
        #expect(node.members(of: "r") == ["witness"])
        #expect(node.metrics.subscriptions == 1)
    }
}
