import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `TopicMachine+Broker.swift` and `TopicMachine+State.swift`: what a broker can do to a topic.
@Suite struct TopicMachineBrokerTests {
    private static let time = WallTime(milliseconds: 1000)

    @Test("A lost record is noticed by the next one, and by silence")
    func gap() {
        let rig = TopicRig(.broker(nodes: 2, seed: 1))
        let (a, b) = Self.pair(rig)
        for text in ["1", "2", "3"] {
            rig.say(text, by: a)
            while rig.nodes[0].broker != nil, rig.nodes[1].pushes.isEmpty, rig.step() {}
            rig.loseRecord(of: 1)
        }
        rig.settle()
        #expect(b.lines.suffix(3) == ["a:1", "a:2", "a:3"])
        #expect(a.lines.suffix(3) == ["a:1", "a:2", "a:3"])
    }

    @Test("A batch whose answer was lost is proposed again, and written once", arguments: 0..<40 as Range<UInt64>)
    func again(seed: UInt64) {
        let rig = TopicRig(.broker(nodes: 2, seed: seed))
        let (a, b) = Self.pair(rig)
        for round in 0..<5 {
            for number in 0..<3 { rig.say("\(round).\(number)", by: a, wantsCompletion: true) }
            rig.step()
            rig.cut(0)
            rig.say("\(round).3", by: a)
            rig.settle()
            rig.heal(0)
            rig.settle()
        }
        let said = (0..<5).flatMap { round in (0..<4).map { "a:\(round).\($0)" } }
        #expect(b.lines.filter { $0.hasPrefix("a:") } == said)
        #expect(a.lines.filter { $0.hasPrefix("a:") } == said)
        #expect(a.lines.count { $0 == "completed" } == 15)
    }

    @Test("Nothing is told before the log has it, and nothing at all while the broker is away")
    func held() {
        let rig = TopicRig(.broker(nodes: 1, seed: 0))
        let a = rig.connect()
        rig.join(a, as: "a")
        #expect(a.lines.isEmpty)
        rig.settle()
        rig.cut(0)
        rig.say("1", by: a)
        rig.settle()
        #expect(a.lines == ["welcome:a|", "joined:a"])
        rig.heal(0)
        rig.settle()
        #expect(a.lines == ["welcome:a|", "joined:a", "a:1"])
    }

    @Test("What waited for too long is refused if it was never sent; who sent the rest is closed")
    func hold() {
        let rig = TopicRig(.broker(nodes: 1, seed: 0))
        let (a, b, c) = (rig.connect(), rig.connect(), rig.connect())
        rig.join(a, as: "a")
        rig.join(b, as: "b")
        rig.settle()
        rig.say("sent", by: a)
        rig.cut(0)
        rig.say("waits", by: b)
        rig.join(c, as: "c")
        rig.expireHold(0)
        #expect(a.lines.last == "closed:insufficient_state")
        #expect(b.lines.last == "not said")
        #expect(c.lines == ["refused:overloaded"])
        rig.heal(0)
        rig.settle()
        // Sent is sent: it may be heard, once.
        #expect(b.lines.filter { $0 == "a:sent" }.count == 1)
        #expect(b.lines.last == "left:a")
        #expect(rig.nodes[0].machine.members.all.map(\.id) == ["b"])
    }

    @Test("What may wait is bounded in bytes")
    func bounded() {
        var machine = TopicMachine(
            epoch: 1,
            policy: HistoryPolicy(),
            ordering: .broker(.lone, maximumHeldBytes: 1000)
        )
        _ = machine.receive(.brokerLost, at: Self.time)
        let publish = TopicPublish(
            origin: .member(Self.client(0)),
            payload: .text(ByteBuffer(string: String(repeating: "x", count: 400)))
        )
        for count in 1...4 {
            let effects = machine.receive(.publish(publish), at: Self.time)
            let isRefused = effects.contains {
                if case .refusePublication = $0 { true } else { false }
            }
            #expect(isRefused == (count > 2))
        }
        #expect(machine.broker?.heldBytes == 800)
    }

    @Test("A log that was lost has its members told, and goes on with them", arguments: 0..<20 as Range<UInt64>)
    func lostLog(seed: UInt64) {
        let rig = TopicRig(.broker(nodes: 2, seed: seed))
        let (a, b) = Self.pair(rig)
        rig.memory?.forgetAll()
        rig.settle()
        #expect(a.lines.last == "expelled:insufficient_state")
        #expect(b.lines.last == "expelled:insufficient_state")
        let c = rig.connect(node: 0)
        rig.join(c, as: "c")
        rig.settle()
        #expect(c.lines == ["welcome:c|", "joined:c"])
        #expect(rig.nodes[0].machine.members.all.map(\.id) == ["c"])
    }

    @Test("A hole that nobody can fill closes those who miss something", arguments: 0..<10 as Range<UInt64>)
    func trimmed(seed: UInt64) {
        let rig = TopicRig(.broker(nodes: 2, seed: seed))
        let (a, b) = Self.pair(rig)
        rig.cut(1)
        for number in 0..<(TopicLog.minimumRecords + 10) {
            rig.say("\(number)", by: a)
            while !rig.nodes[0].requests.isEmpty || !rig.nodes[0].pushes.isEmpty || !rig.nodes[0].answers.isEmpty {
                rig.step()
            }
        }
        rig.heal(1)
        rig.settle()
        #expect(b.lines.last == "missed")
        #expect(a.lines.last == "left:b")
    }

    @Test(
        "A node that was given up has its members closed, and says nothing in their name",
        arguments: 0..<10 as Range<UInt64>
    )
    func reaped(seed: UInt64) {
        let rig = TopicRig(.broker(nodes: 2, seed: seed))
        let (a, b) = Self.pair(rig)
        rig.cut(1)
        rig.memory?.reap(rig.nodes[1].incarnation)
        rig.say("late", by: b)
        rig.settle()
        rig.heal(1)
        rig.settle()
        #expect(a.lines.suffix(1) == ["left:b"])
        #expect(b.lines.contains("expelled:insufficient_state"))
        #expect(rig.nodes[0].machine.members.all.map(\.id) == ["a"])
    }

    @Test("A batch holds as many publications as have a bit, and about as many bytes as are good for a script")
    func batches() {
        var side = BrokerSide(incarnation: .lone, maximumHeldBytes: 1 << 20)
        let sizes = Array(repeating: 1, count: 100) + Array(repeating: 6 << 10, count: 5) + [100 << 10, 1]
        for size in sizes {
            let publish = TopicPublish(
                origin: .member(Self.client(0)),
                payload: .binary(ByteBuffer(repeating: 0, count: size))
            )
            _ = side.enqueue(.publish(publish))
        }
        _ = side.enqueue(.leave(Self.client(0)))
        _ = side.enqueue(.leave(Self.client(1)))
        var counts: [Int] = []
        while case let batch = side.takeBatch(), !batch.isEmpty { counts.append(batch.count) }
        #expect(counts == [64, 38, 2, 1, 1, 1, 1, 1])
        #expect(side.heldBytes == 0)
    }

    private static func client(_ slot: UInt32) -> ClientID {
        ClientID(incarnation: .lone, connection: ConnectionID(shard: 0, slot: slot, generation: 0))
    }

    private static func pair(_ rig: TopicRig) -> (TopicRig.Client, TopicRig.Client) {
        let (a, b) = (rig.connect(node: 0), rig.connect(node: 1))
        rig.join(a, as: "a")
        rig.settle()
        rig.join(b, as: "b")
        rig.settle()
        return (a, b)
    }
}
