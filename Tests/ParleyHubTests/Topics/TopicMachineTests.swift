import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `TopicMachine.swift`, and of the ordering `broker` where that is to come to the same.
@Suite struct TopicMachineTests {
    static let kinds: [TopicRig.Kind] =
        [.home] + (0..<4).map { .broker(nodes: 1, seed: $0) } + (4..<12).map { .broker(nodes: 3, seed: $0) }

    @Test("A member is welcomed, then hears its own join and what comes after it", arguments: kinds)
    func join(kind: TopicRig.Kind) {
        let rig = TopicRig(kind, policy: HistoryPolicy(limit: 2))
        let (a, b) = (rig.connect(node: 0), rig.connect(node: 1))
        rig.join(a, as: "a")
        rig.settle()
        for text in ["1", "2", "3"] { rig.say(text, by: a) }
        rig.settle()
        rig.join(b, as: "b")
        rig.settle()
        rig.say("4", by: b)
        rig.settle()
        #expect(a.lines == ["welcome:a|", "joined:a", "a:1", "a:2", "a:3", "joined:b", "b:4"])
        #expect(b.lines == ["welcome:a,b|2,3", "joined:b", "b:4"])
        #expect(Set(rig.nodes.map(\.machine.position.offset)).isSubset(of: [6, 0]))
    }

    @Test("Who leaves hears no more, and the others hear of it", arguments: kinds)
    func leave(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let (a, b) = (rig.connect(node: 0), rig.connect(node: 1))
        rig.join(a, as: "a")
        rig.settle()
        rig.join(b, as: "b")
        rig.settle()
        rig.leave(b)
        rig.settle()
        rig.leave(b)
        rig.say("in vain", by: b)
        rig.say("1", by: a)
        rig.settle()
        #expect(a.lines == ["welcome:a|", "joined:a", "joined:b", "left:b", "a:1"])
        #expect(b.lines == ["welcome:a,b|", "joined:b", "not said"])
        rig.leave(a)
        rig.settle()
        #expect(rig.nodes.allSatisfy { $0.machine.members.isEmpty || $0.machine.broker?.localCount == 0 })
    }

    @Test("A name is one member's: the second is refused, or takes the place and the rank", arguments: kinds)
    func uniqueness(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let (a, b, c) = (rig.connect(node: 0), rig.connect(node: 1), rig.connect(node: 2))
        rig.join(a, as: "x", uniqueness: .reject)
        rig.settle()
        rig.join(b, as: "x", uniqueness: .reject)
        rig.settle()
        rig.join(c, as: "x", uniqueness: .replace)
        rig.settle()
        rig.say("1", by: a)
        rig.say("2", by: c)
        rig.settle()
        #expect(a.lines == ["welcome:x|", "joined:x", "expelled:replaced"])
        #expect(b.lines == ["refused:duplicate_user"])
        #expect(c.lines == ["welcome:x|", "replaced:x:x", "x:2"])
    }

    @Test("A topic holds so many", arguments: kinds)
    func limit(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let clients = (0..<4).map { rig.connect(node: $0) }
        for (number, client) in clients.enumerated() {
            rig.join(client, as: "\(number)", maximum: number == 3 ? 0 : 2)
            rig.settle()
        }
        #expect(
            clients.map { $0.lines.first } == ["welcome:0|", "welcome:0,1|", "refused:room_full", "refused:room_full"]
        )
        rig.leave(clients[0])
        rig.settle()
        rig.join(clients[2], as: "2", maximum: 2)
        rig.settle()
        #expect(clients[2].lines.suffix(2) == ["welcome:1,2|", "joined:2"])
    }

    @Test("Joins at the same time get the places that there are, and no more", arguments: kinds)
    func race(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let clients = (0..<6).map { rig.connect(node: $0) }
        for (number, client) in clients.enumerated() { rig.join(client, as: "\(number)", maximum: 2) }
        rig.settle()
        #expect(clients.count { $0.lines.first?.hasPrefix("welcome") == true } == 2)
        #expect(clients.count { $0.lines == ["refused:room_full"] } == 4)
    }

    @Test("A full history that refuses tells so, and completes what it has kept", arguments: kinds)
    func full(kind: TopicRig.Kind) {
        let rig = TopicRig(kind, policy: HistoryPolicy(limit: 2, whenFull: .refuse))
        let a = rig.connect()
        rig.join(a, as: "a")
        rig.settle()
        for text in ["1", "2", "3"] { rig.say(text, by: a, wantsCompletion: true) }
        rig.settle()
        #expect(a.lines.dropFirst(2).sorted() == ["a:1", "a:2", "completed", "completed", "not said"])
        #expect(a.lines.firstIndex(of: "a:1")! < a.lines.firstIndex(of: "completed")!)
        let b = rig.connect(node: 1)
        rig.join(b, as: "b")
        rig.settle()
        #expect(b.lines.first == "welcome:a,b|1,2")
    }

    @Test("What is said is heard by all, but not by its sender if it does not want to", arguments: kinds)
    func excluding(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let clients = (0..<3).map { rig.connect(node: $0) }
        for (number, client) in clients.enumerated() { rig.join(client, as: "\(number)") }
        rig.settle()
        rig.say("x", by: clients[1], includingSender: false, wantsCompletion: true)
        rig.sayFromOutside("y", node: 2)
        rig.settle()
        #expect(clients[0].lines.contains("1:x") && clients[2].lines.contains("1:x"))
        #expect(!clients[1].lines.contains("1:x") && clients[1].lines.contains("completed"))
        #expect(clients.allSatisfy { $0.lines.contains("outside:y") })
    }

    @Test("What waits of one speaker is said in its order", arguments: kinds)
    func order(kind: TopicRig.Kind) {
        let rig = TopicRig(kind)
        let clients = (0..<3).map { rig.connect(node: $0) }
        for (number, client) in clients.enumerated() { rig.join(client, as: "\(number)") }
        rig.settle()
        for number in 0..<200 { for client in clients { rig.say("\(number)", by: client) } }
        rig.settle()
        let heard = clients.map { $0.lines.filter { $0.contains(":") && !$0.contains("j") && !$0.contains("w") } }
        #expect(heard[0].count == 600)
        #expect(heard[0] == heard[1] && heard[1] == heard[2])
        for speaker in 0..<3 {
            #expect(heard[0].filter { $0.hasPrefix("\(speaker):") } == (0..<200).map { "\(speaker):\($0)" })
        }
    }

    @Test("A publication decided at home makes two effects at most, in a list that is there already")
    func reuse() {
        var machine = TopicMachine(epoch: 1, policy: HistoryPolicy())
        let member = Member(
            client: ClientID(incarnation: .lone, connection: ConnectionID(shard: 0, slot: 0, generation: 0)),
            id: "a",
            name: "a",
            dialect: .relay
        )
        var effects: ContiguousArray<TopicEffect> = []
        effects.reserveCapacity(8)
        let storage = effects.withUnsafeBufferPointer { $0.baseAddress }
        machine.receive(
            .join(TopicJoin(member: member), TopicRig.format),
            at: WallTime(milliseconds: 0),
            into: &effects
        )
        for _ in 0..<100 {
            effects.removeAll(keepingCapacity: true)
            let publish = TopicPublish(
                origin: .member(member.client),
                payload: .text(ByteBuffer(string: "x")),
                wantsCompletion: true
            )
            machine.receive(.publish(publish), at: WallTime(milliseconds: 0), into: &effects)
            #expect(effects.count == 2)
            #expect(effects.withUnsafeBufferPointer { $0.baseAddress } == storage)
        }
    }
}
