import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// Any commands, on one node or several, whatever the network does: one order, no silent hole, nothing twice.
@Suite struct TopicMachinePropertyTests {
    @Test("All members hear one order, from their join to their leave", arguments: 0..<150 as Range<UInt64>)
    func order(seed: UInt64) {
        Self.check(.broker(nodes: Int(seed % 3) + 1, seed: seed), seed: seed, cuts: false)
    }

    @Test("So they do at home", arguments: 0..<50 as Range<UInt64>)
    func home(seed: UInt64) {
        Self.check(.home, seed: seed, cuts: false)
    }

    @Test(
        "Connections that are lost and records that are lost make no hole that nobody is told of",
        arguments: 0..<200 as Range<UInt64>
    )
    func faults(seed: UInt64) {
        Self.check(.broker(nodes: Int(seed % 3) + 1, seed: seed), seed: seed, cuts: true)
    }

    private static func check(_ kind: TopicRig.Kind, seed: UInt64, cuts: Bool) {
        let rig = TopicRig(kind, policy: HistoryPolicy(limit: Int(seed % 4)))
        var random = SeededGenerator(seed: seed &+ 1000)
        let witness = rig.connect(node: 0)
        rig.join(witness, as: "w")
        rig.settle()
        var said = 0
        var live: [TopicRig.Client] = []
        for _ in 0..<300 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<3:
                let client = rig.connect(node: Int.random(in: 0..<rig.nodes.count, using: &random))
                let name = "c\(rig.clients.count)"
                live.append(client)
                rig.join(client, as: name)
            case 3..<5:
                if let client = live.randomElement(using: &random) {
                    live.removeAll { $0 === client }
                    rig.close(client)
                }
            case 5..<10:
                if let client = live.randomElement(using: &random), client.isSubscriber {
                    said += 1
                    rig.say("\(said)", by: client, wantsCompletion: true)
                }
            case 10 where cuts:
                let node = Int.random(in: 0..<rig.nodes.count, using: &random)
                if Bool.random(using: &random) { rig.cut(node) } else { rig.heal(node) }
            case 11 where cuts:
                rig.loseRecord(of: Int.random(in: 0..<rig.nodes.count, using: &random))
            case 12:
                for index in rig.nodes.indices { rig.compareTail(index) }
            default:
                rig.step()
            }
        }
        for index in rig.nodes.indices { rig.heal(index) }
        rig.settle()
        Self.verify(rig, witness, seed)
    }

    private static func verify(_ rig: TopicRig, _ witness: TopicRig.Client, _ seed: UInt64) {
        let words: Set = ["completed", "not said", "missed"]
        func events(_ client: TopicRig.Client) -> [String] {
            client.lines.filter { line in
                !words.contains(line)
                    && !["welcome", "refused", "expelled", "closed"].contains { line.hasPrefix("\($0):") }
            }
        }
        // Whoever was there throughout knows the order.
        let order = events(witness)
        #expect(!witness.isClosed, "seed \(seed)")
        #expect(Set(order).count == order.count, "nothing is told twice; seed \(seed)")
        for client in rig.clients where client !== witness {
            let heard = events(client)
            guard let first = heard.first, let start = order.firstIndex(of: first) else {
                #expect(heard.isEmpty, "seed \(seed): \(heard)")
                continue
            }
            #expect(order[start...].starts(with: heard), "seed \(seed): \(heard) is no part of \(order[start...])")
            if client.isSubscriber, !client.isClosed {
                #expect(Array(order[start...]) == heard, "seed \(seed)")
            }
            // What was completed was said.
            let own = first.dropFirst("joined:".count)
            let completions = client.lines.count { $0 == "completed" }
            #expect(order.count { $0.hasPrefix("\(own):") } >= completions, "seed \(seed)")
        }
        let present = rig.clients.filter { $0.isSubscriber && !$0.isClosed }.map(\.id)
        for node in rig.nodes where node.machine.broker?.localCount != 0 {
            #expect(Set(node.machine.members.all.map(\.client)) == Set(present), "seed \(seed)")
        }
        #expect(
            rig.nodes.allSatisfy { $0.machine.broker?.inFlight == nil && $0.machine.broker?.queue.isEmpty != false }
        )
    }
}
