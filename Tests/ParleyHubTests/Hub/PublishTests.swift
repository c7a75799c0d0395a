import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct PublishTests {
    @Test("Every subscriber receives a publication once, whatever its shard and format", arguments: 1...4)
    func everybody(shards: Int) {
        let node = TestHub(shards: shards, formats: [LineFormat("a>"), LineFormat("b>")])
        let clients = (0..<8).map { node.connect(shard: $0 % shards, format: $0 / 4) }
        let outsider = node.connect()
        for (index, client) in clients.enumerated() { client.join("r", as: "c\(index)") }
        outsider.join("elsewhere", as: "o")
        node.settle()
        for client in clients + [outsider] { _ = client.newLines() }
        clients[3].say("hi", in: "r")
        node.settle()
        #expect(clients.map { $0.newLines() } == (0..<8).map { [$0 < 4 ? "a>c3:hi" : "b>c3:hi"] })
        #expect(outsider.newLines() == [])
        #expect(node.metrics.publications == 1)
    }

    @Test("The sender may be left out, in every format", arguments: 1...3)
    func exclusion(shards: Int) {
        let node = TestHub(shards: shards, formats: [LineFormat("a>"), LineFormat("b>")])
        let clients = (0..<6).map { node.connect(shard: $0 % shards, format: $0 % 2) }
        for (index, client) in clients.enumerated() { client.join("r", as: "c\(index)") }
        node.settle()
        let before = node.metrics.deliveries
        for client in clients { _ = client.newLines() }
        for (index, client) in clients.enumerated() {
            client.say("hi", in: "r", includingSender: false)
            node.settle()
            for (other, listener) in clients.enumerated() {
                let mark = other % 2 == 0 ? "a>" : "b>"
                #expect(listener.newLines() == (other == index ? [] : ["\(mark)c\(index):hi"]))
            }
        }
        #expect(node.metrics.deliveries - before == 6 * 5)
    }

    @Test("An event is encoded once for each format in use, whatever the number of subscribers", arguments: 1...3)
    func encodedOnce(shards: Int) {
        let node = TestHub(shards: shards, formats: [LineFormat("a>"), LineFormat("b>"), LineFormat("c>")])
        let clients = (0..<12).map { node.connect(shard: $0 % shards, format: $0 % 2) }
        for client in clients { client.join("r", as: "x") }
        node.settle()
        let before = node.lineFormats.map(\.encodingCount)
        clients[0].say("hi", in: "r")
        node.settle()
        #expect(zip(node.lineFormats, before).map { $0.encodingCount - $1 } == [1, 1, 0])
    }

    @Test("When the last subscriber of a format has left, nothing is encoded for it, and its shard hears no more")
    func unused() {
        let node = TestHub(shards: 2, formats: [LineFormat("a>"), LineFormat("b>")])
        let topic = node.topic(at: 0)
        let stays = node.connect(shard: 0, format: 0)
        let leaves = node.connect(shard: 1, format: 1)
        for client in [stays, leaves] { client.join(topic, as: "c") }
        node.settle()
        leaves.leave(topic)
        node.settle()
        let encodings = node.lineFormats.map(\.encodingCount)
        let tasks = node.loops[1].taskCount
        stays.say("hi", in: topic)
        node.settle()
        #expect(zip(node.lineFormats, encodings).map { $0.encodingCount - $1 } == [1, 0])
        #expect(node.loops[1].taskCount == tasks)
    }

    @Test("A publisher hears its own message first, then that it is done; once each, in order", arguments: 1...3)
    func completion(shards: Int) {
        let node = TestHub(shards: shards)
        for home in 0..<shards {
            let topic = node.topic(at: home)
            let client = node.connect(shard: 0)
            client.onCompletion { $0.reply("done") }
            client.join(topic, as: "c")
            node.settle()
            _ = client.newLines()
            for number in 0..<3 { client.say("\(number)", in: topic, wantsCompletion: true) }
            client.say("unacknowledged", in: topic)
            node.settle()
            #expect(client.newLines() == ["c:0", "done", "c:1", "done", "c:2", "done", "c:unacknowledged"])
            #expect(client.completions == 3)
        }
    }

    @Test("Replies and deliveries reach a connection in the order in which they happened")
    func replies() {
        let node = TestHub()
        let alice = node.connect()
        let bob = node.connect()
        alice.join("r", as: "alice")
        bob.join("r", as: "bob")
        node.settle()
        _ = alice.newLines()
        alice.reply("1")
        bob.say("2", in: "r")
        alice.reply("3")
        alice.say("4", in: "r")
        bob.say("5", in: "r")
        alice.reply("6")
        node.settle()
        #expect(alice.newLines() == ["1", "bob:2", "3", "alice:4", "bob:5", "6"])
        #expect(bob.newLines().suffix(3) == ["bob:2", "alice:4", "bob:5"])
    }

    @Test("Somebody who is no member may publish, and is not told of its end", arguments: 1...2)
    func outside(shards: Int) {
        let node = TestHub(shards: shards)
        let client = node.connect(shard: shards - 1)
        client.join("r", as: "c")
        node.settle()
        node.shard(0).publish(
            .text(ByteBuffer(string: "hi")),
            from: Sender(id: "api", name: "API"),
            to: client.key("r")
        )
        node.shard(0).publish(
            .text(ByteBuffer(string: "hi")),
            from: Sender(id: "api", name: "API"),
            to: client.key("nowhere")
        )
        node.settle()
        #expect(client.lines == ["joined:c", "api:hi"])
        #expect(client.completions == 0)
        #expect(node.topic("nowhere") == nil)
    }

    @Test("A format that says nothing about an event writes nothing", arguments: 1...2)
    func silence(shards: Int) {
        let node = TestHub(shards: shards, formats: [LineFormat(showsPresence: false)])
        let clients = (0..<2).map { node.connect(shard: $0 % shards) }
        for client in clients { client.join("r", as: "c") }
        node.settle()
        #expect(clients.allSatisfy { $0.writes.isEmpty })
    }

    @Test("Dialects in one space share a topic, each in its own words; others keep apart")
    func spaces() {
        let formats = [
            LineFormat("chat>", dialect: .disposableChat), LineFormat("session>", dialect: .sessionChat),
            LineFormat("relay>"),
        ]
        let node = TestHub(shards: 2, formats: formats) { $0.spaces[.disposableChat] = $0.spaces[.sessionChat] }
        let clients = formats.indices.map { node.connect(shard: $0 % 2, format: $0) }
        for (index, client) in clients.enumerated() {
            client.join("r", as: "c\(index)", uniqueness: .reject, maximum: 1)
            node.settle()
        }
        #expect(node.members(of: "r", dialect: .sessionChat) == ["c0", "c1"])
        for client in clients { _ = client.newLines() }
        clients[0].say("hi", in: "r")
        node.settle()
        #expect(clients.map { $0.newLines() } == [["chat>c0:hi"], ["session>c0:hi"], []])
    }

    @Test("What crosses shards owns its bytes: the read buffer may be used again")
    func ownership() {
        let node = TestHub(shards: 2)
        let topic = node.topic(at: 0)
        let client = node.connect(shard: 1)
        client.join(topic, as: "c")
        node.settle()
        var readBuffer = ByteBuffer(string: "hello")
        client.shard.publish(
            .text(readBuffer),
            from: client.connection,
            to: client.key(topic),
            includingSender: true,
            wantsCompletion: false
        )
        readBuffer.clear()
        readBuffer.writeString("XXXXX")
        node.settle()
        #expect(client.lines.last == "c:hello")
    }
}
