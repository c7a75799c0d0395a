import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `Shard+Snapshots.swift`.
@Suite struct SnapshotTests {
    private static func node(
        shards: Int = 1,
        formats: [any WireFormat] = [RoomFormat()],
        history: HistoryPolicy = HistoryPolicy(limit: 100),
        snapshotBytes: Int = 0,
        configure: (inout HubConfiguration) -> Void = { _ in }
    ) -> TestHub {
        TestHub(shards: shards, formats: formats) {
            // One space for all.
            let space = $0.spaces[.sessionChat] ?? SpaceID(rawValue: 0)
            for dialect in DialectName.allCases { $0.spaces[dialect] = space }
            $0.maximumSnapshotBytes = snapshotBytes
            $0.policies[space] = SpacePolicy(history: history, retention: .seconds(300))
            configure(&$0)
        }
    }

    private static func room(on node: TestHub, _ names: String..., shard: Int = 0) -> [ScriptedConnection] {
        let members = names.map { name in
            let member = node.connect(shard: shard)
            member.join("r", as: name)
            node.settle()
            return member
        }
        for member in members { _ = member.newLines() }
        return members
    }

    /// What a tick holds, and what each of alice, bob and carol, who comes in it, is told. Alice and bob are there before.
    struct Tick: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let happens:
            @Sendable (_ alice: ScriptedConnection, _ bob: ScriptedConnection, _ carol: ScriptedConnection) -> Void
        let alice: [String]
        var bob: [String]?
        var carol: [String] = []
    }

    static let ticks = [
        Tick(testDescription: "one message", happens: { a, _, _ in a.say("1", in: "r") }, alice: ["a:1|a,b"]),
        Tick(
            testDescription: "several messages: one snapshot with all",
            happens: { a, b, _ in
                a.say("1", in: "r")
                b.say("2", in: "r")
                a.say("3", in: "r")
            },
            alice: ["a:1,b:2,a:3|a,b"]
        ),
        Tick(
            testDescription: "a join between messages: the greeting holds what was said before and after",
            happens: { a, _, c in
                a.say("1", in: "r")
                c.join("r", as: "c")
                a.say("2", in: "r")
            },
            alice: ["a:1,a:2|a,b,c"],
            carol: ["a:1,a:2|a,b,c"]
        ),
        Tick(
            testDescription: "who says something and leaves sees it, and not its own leave",
            happens: { a, b, _ in
                b.say("bye", in: "r")
                b.leave("r")
                a.say("1", in: "r")
            },
            alice: ["b:bye,a:1|a"],
            bob: ["b:bye|a,b"]
        ),
        Tick(
            testDescription: "who leaves before others speak hears nothing",
            happens: { a, b, _ in
                b.leave("r")
                a.say("1", in: "r")
            },
            alice: ["a:1|a"],
            bob: []
        ),
        Tick(
            testDescription: "who is detached, as for a close, sees what was said before, and then what is said to it",
            happens: { _, b, _ in
                b.say("bye", in: "r")
                b.shard.detach(b.connection)
                b.reply("close")
            },
            alice: ["b:bye|a"],
            bob: ["b:bye|a,b", "close"]
        ),
        Tick(
            testDescription: "who comes and goes in one tick has been greeted; the others see that nobody is there",
            happens: { _, _, c in
                c.join("r", as: "c")
                c.leave("r")
            },
            alice: ["|a,b"],
            carol: ["|a,b,c"]
        ),
        Tick(
            testDescription: "all go after a message: each sees it with those that were there then",
            happens: { a, b, _ in
                a.say("1", in: "r")
                b.leave("r")
                a.leave("r")
            },
            alice: ["a:1|a"],
            bob: ["a:1|a,b"]
        ),
        Tick(
            testDescription: "who is replaced sees what was said before, and is told so afterwards",
            happens: { a, b, c in
                a.onExpulsion { $0.reply("replaced") }
                a.say("1", in: "r")
                c.join("r", as: "a", uniqueness: .replace)
                b.say("2", in: "r")
            },
            alice: ["a:1|a,b", "replaced"],
            bob: ["a:1|a,b", "a:1,b:2|a,b"],
            carol: ["a:1,b:2|a,b"]
        ),
        Tick(
            testDescription: "a refused join is no event",
            happens: { _, _, c in c.join("r", as: "a", uniqueness: .reject) },
            alice: []
        ),
        Tick(
            testDescription: "nothing, of which somebody outside hears",
            happens: { _, _, c in c.say("nobody hears this", in: "r") },
            alice: []
        ),
    ]

    @Test("A tick of a busy room is told in one snapshot, and who goes is told before", arguments: Self.ticks)
    func oneTick(tick: Tick) {
        let node = Self.node()
        let (alice, bob, carol) = (node.connect(), node.connect(), node.connect())
        alice.join("r", as: "a", uniqueness: .reject)
        bob.join("r", as: "b", uniqueness: .reject)
        node.settle()
        // How large a snapshot is, nobody knew before the first.
        #expect(alice.newLines() == ["|a", "|a,b"])
        #expect(bob.newLines() == ["|a,b"])
        tick.happens(alice, bob, carol)
        node.run()
        #expect(alice.newLines() == tick.alice)
        #expect(bob.newLines() == tick.bob ?? tick.alice)
        #expect(carol.newLines() == tick.carol)
        node.settle()
        for client in [alice, bob, carol] { #expect(client.newLines() == []) }
    }

    @Test("While that is little, each event has its snapshot; beyond, the rest of a tick has one", arguments: 1...2)
    func budget(shards: Int) {
        // Two members, so that the first three snapshots have 16, 24 and 32 bytes.
        let node = Self.node(shards: shards, snapshotBytes: 100)
        let members = Self.room(on: node, "a", "b")
        for _ in 1...2 {
            for number in 0...9 { members[0].say("\(number)", in: "r") }
            node.settle()
        }
        let first = ["a:0", "a:0,a:1", "a:0,a:1,a:2"]
        let all = (0...9).map { "a:\($0)" }.joined(separator: ",")
        for member in members {
            #expect(member.newLines() == (first + [all, "\(all),a:0", "\(all),\(all)"]).map { "\($0)|a,b" })
        }
    }

    @Test("A room of a few members gets a snapshot for each event, however many come in one tick")
    func quietRoom() {
        let node = Self.node(
            snapshotBytes: HubConfiguration(wallTime: { WallTime(milliseconds: 0) }).maximumSnapshotBytes
        )
        let members = Self.room(on: node, "a", "b", "c")
        for number in 1...100 { members[number % 3].say("\(number)", in: "r") }
        members[2].leave("r")
        node.settle()
        #expect(members.map { $0.newLines().count } == [101, 101, 100])
    }

    @Test("Events of different ticks are told one by one, at the end of their tick", arguments: 1...3)
    func manyTicks(shards: Int) {
        let node = Self.node(shards: shards)
        let members = Self.room(on: node, "a", "b", shard: shards - 1)
        for number in 1...5 {
            members[0].say("\(number)", in: "r")
            node.settle()
            let said = (1...number).map { "a:\($0)" }.joined(separator: ",")
            for member in members { #expect(member.newLines() == ["\(said)|a,b"]) }
        }
    }

    @Test("A snapshot needs no task beyond that of the tick's end")
    func oneTask() {
        let node = Self.node()
        let members = Self.room(on: node, "a", "b")
        let before = node.loops[0].taskCount
        for number in 1...5 { members[0].say("\(number)", in: "r") }
        node.settle()
        #expect(node.loops[0].taskCount == before + 1)
    }

    @Test("On other shards as well, one snapshot is told for what the home shard heard in one tick")
    func otherShards() {
        let node = Self.node(shards: 2)
        let topic = node.topic(at: 0)
        let members = (0..<4).map { number in
            let member = node.connect(shard: number % 2)
            member.join(topic, as: "\(number)")
            node.settle()
            return member
        }
        for member in members { _ = member.newLines() }
        for number in 1...3 { members[1].say("\(number)", in: topic) }
        node.settle()
        for member in members { #expect(member.newLines() == ["1:1,1:2,1:3|0,1,2,3"]) }
        #expect(node.metrics.deliveries == 4 + 4 + 6)
    }

    @Test("However short the history, every message is seen by everybody, in order", arguments: [1, 2, 3, 100], 1...2)
    func shortHistory(limit: Int, shards: Int) {
        let node = Self.node(shards: shards, history: HistoryPolicy(limit: limit))
        let members = Self.room(on: node, "a", "b", shard: shards - 1)
        let texts = (1...50).map(String.init)
        for text in texts { members[0].say(text, in: "r") }
        node.settle()
        for member in members {
            let snapshots = member.newLines()
            #expect(Self.seen(in: snapshots) == texts.map { "a:\($0)" })
            #expect(snapshots.count == (50 + limit - 1) / limit)
        }
    }

    @Test("A history that is short of bytes loses nothing unseen, either", arguments: [true, false])
    func fewBytes(isOfTopic: Bool) {
        let text = String(repeating: "x", count: 1000)
        let node = Self.node(history: HistoryPolicy(limit: 100, maximumBytes: isOfTopic ? 3000 : 1 << 20)) {
            if !isOfTopic { $0.maximumHistoryBytes = 5000 }
        }
        let members = Self.room(on: node, "a", "b")
        for number in 1...40 { members[0].say("\(number)\(text)", in: "r") }
        node.settle()
        for member in members {
            #expect(Self.seen(in: member.newLines()) == (1...40).map { "a:\($0)\(text)" })
        }
    }

    @Test("A full history that refuses tells no snapshot")
    func refusing() {
        let node = Self.node(history: HistoryPolicy(limit: 2, whenFull: .refuse))
        let members = Self.room(on: node, "a")
        for number in 1...3 { members[0].say("\(number)", in: "r") }
        node.settle()
        #expect(members[0].newLines() == ["a:1,a:2|a"])
        members[0].say("4", in: "r")
        node.settle()
        #expect(members[0].newLines() == [])
    }

    @Test("Who hears single events in the same topic hears each of them")
    func mixedFormats() {
        let node = Self.node(formats: [RoomFormat(), LineFormat()])
        let room = node.connect()
        let relay = node.connect(format: 1)
        room.join("r", as: "a")
        relay.join("r", as: "b")
        node.settle()
        _ = (room.newLines(), relay.newLines())
        relay.say("1", in: "r")
        room.say("2", in: "r")
        node.settle()
        #expect(relay.newLines() == ["b:1", "a:2"])
        #expect(room.newLines() == ["b:1,a:2|a,b"])
    }

    @Test("Nobody renders for a connection that is gone; the others hear of the leave once")
    func gone() {
        let format = RoomFormat()
        let node = Self.node(formats: [format])
        let members = Self.room(on: node, "a", "b", "c", "d")
        let before = node.metrics.deliveries
        members[1].close()
        members[2].close()
        node.settle()
        #expect(members[0].newLines() == ["|a,d"])
        #expect(node.metrics.deliveries == before + 2)
    }

    // MARK: Memory

    @Test("A room of 100 messages and members renders one line for each message")
    func renderedOnce() {
        let format = RoomFormat()
        let node = Self.node(formats: [format])
        let members = Self.room(on: node, "a", "b")
        for number in 1...500 {
            members[number % 2].say("\(number)", in: "r")
            node.settle()
        }
        #expect(format.renderingCount == 500)
        #expect(members[0].lines.count == 502)
    }

    @Test("What is rendered is counted, and goes with the last member that hears snapshots")
    func counted() {
        let ledger = MemoryLedger(maximumBytes: 1 << 20)
        let node = Self.node(formats: [RoomFormat(), LineFormat()]) { $0.memory = ledger }
        let room = node.connect()
        let relay = node.connect(format: 1)
        room.join("r", as: "a")
        relay.join("r", as: "b")
        for number in 1...100 { room.say("\(number)", in: "r") }
        node.settle()
        let bytes = node.shard(0).renderedBytes
        #expect(bytes > 500 && bytes < 10_000)
        #expect(ledger.bytes(of: .history) == bytes)
        room.leave("r")
        node.settle()
        #expect(node.shard(0).renderedBytes == 0)
        #expect(ledger.bytes(of: .history) == 0)
    }

    @Test("What is rendered is bounded: beyond half of what histories may have all goes, and comes again when needed")
    func bounded() {
        let node = Self.node { $0.maximumHistoryBytes = 64 << 10 }
        let text = String(repeating: "x", count: 500)
        let members = (0..<100).map { number in
            let member = node.connect()
            member.join("r\(number)", as: "a")
            return member
        }
        for round in 1...3 {
            for (number, member) in members.enumerated() {
                member.say(text, in: "r\(number)")
                node.settle()
                #expect(node.shard(0).renderedBytes <= 32 << 10)
                // Histories are bounded as well.
                #expect(member.newLines().last?.hasSuffix("a:\(text)|a") == true, "round \(round)")
            }
        }
        #expect(node.shard(0).renderedBytes > 8 << 10)
    }

    @Test("A process that is short of memory lets go of what can be rendered anew before it forgets what was said")
    func ledger() {
        let ledger = MemoryLedger(maximumBytes: 64 << 10)
        let node = Self.node { $0.memory = ledger }
        let text = String(repeating: "x", count: 4000)
        let visitor = node.connect()
        visitor.join("idle", as: "v")
        visitor.say(text, in: "idle")
        visitor.leave("idle")
        let members = Self.room(on: node, "a", "b")
        members[0].say(text, in: "r")
        members[0].say(text, in: "r")
        node.settle()
        #expect(node.shard(0).renderedBytes > 8000)
        let others = (0..<6).map { _ in ledger.open(.output) {} }
        for other in others { other.update(bytes: 9800) }
        node.settle()
        #expect(node.shard(0).renderedBytes == 0)
        #expect(node.topic("idle", dialect: .sessionChat) != nil)
        #expect((4000..<8000).contains(ledger.bytes(of: .history)))
        #expect(ledger.bytes(of: .output) == 6 * 9800)
        _ = members.map { $0.newLines() }
        members[1].say("after", in: "r")
        node.settle()
        for member in members { #expect(member.newLines() == ["a:\(text),a:\(text),b:after|a,b"]) }
    }

    // MARK: Any order of things

    @Test(
        "Whatever happens, the last snapshot is how it is, and who stays has seen every message said meanwhile",
        arguments: 0..<90 as Range<UInt64>
    )
    func property(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let shards = Int(seed % 3) + 1
        let node = Self.node(
            shards: shards,
            history: HistoryPolicy(limit: Int.random(in: 1...8, using: &random)),
            snapshotBytes: Int.random(in: 0...300, using: &random)
        )
        let witnesses = (0..<shards).map { shard in
            let witness = node.connect(shard: shard)
            witness.join("r", as: "w\(shard)")
            node.settle()
            return witness
        }
        for witness in witnesses { _ = witness.newLines() }
        var present: [ScriptedConnection] = []
        var said = 0
        for number in 0..<200 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<2:
                let member = node.connect(shard: Int.random(in: 0..<shards, using: &random))
                member.join("r", as: "m\(number)")
                present.append(member)
            case 2..<4:
                guard let index = present.indices.randomElement(using: &random) else { continue }
                let member = present.remove(at: index)
                if Bool.random(using: &random) { member.close() } else { member.leave("r") }
            case 4: node.settle()
            case 5: node.run(Int.random(in: 0..<shards, using: &random))
            default:
                said += 1
                witnesses[0].say("\(said)", in: "r")
            }
        }
        node.settle()
        for witness in witnesses {
            let snapshots = witness.newLines()
            #expect(Self.seen(in: snapshots) == (1...said).map { "w0:\($0)" }, "seed \(seed)")
            let members = node.members(of: "r", dialect: .sessionChat).joined(separator: ",")
            #expect(snapshots.last?.split(separator: "|").last.map(String.init) == members, "seed \(seed)")
        }
        for client in witnesses + present { client.close() }
        node.settle()
        for index in 0..<shards {
            #expect(node.shard(index).renderedBytes == 0)
            #expect(node.shard(index).snapshotTopics.isEmpty)
        }
    }

    /// All messages that `snapshots` show, each once, in their order.
    private static func seen(in snapshots: [String]) -> [String] {
        var seen: [String] = []
        for snapshot in snapshots {
            let shown = snapshot.prefix { $0 != "|" }.split(separator: ",").map(String.init)
            let known = seen.last.flatMap { shown.lastIndex(of: $0) }.map { $0 + 1 } ?? 0
            seen += shown[known...]
        }
        return seen
    }
}
