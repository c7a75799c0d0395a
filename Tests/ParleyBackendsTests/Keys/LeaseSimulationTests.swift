import NIOCore
import ParleyBackends
import ParleyModel
import Testing

/// Nodes that fight for one key while everything that can go wrong does: pauses, clocks that run fast or slow and wall
/// clocks that jump, messages that are late or lost, in both directions.
@Suite struct LeaseSimulationTests {
    /// A node, which believes its own clock alone.
    private struct Node {
        let name: String
        /// How fast its clock runs; a crystal is within 0.1 percent, this one within five.
        let rate: Double
        let offset: Double
        var pausedUntil = 0.0
        var held: (grant: KeyGrant, holder: LeaseHolder)?
        /// When a hard stop is done; until then the backend may still run.
        var isAsking = false

        func clock(_ time: Double) -> NIODeadline {
            .uptimeNanoseconds(UInt64((self.offset + time * self.rate) * 1_000_000_000))
        }

        func isActing(_ time: Double) -> Bool {
            guard self.pausedUntil <= time, let held = self.held else { return false }
            return held.holder.isEntitled(at: self.clock(time))
        }
    }

    private enum Message {
        case acquire(node: Int, sentAt: NIODeadline)
        case acquired(node: Int, KeyGrant, sentAt: NIODeadline)
        case notAcquired(node: Int)
        case renew(node: Int, KeyGrant, sentAt: NIODeadline)
        case renewed(node: Int, KeyGrant, Bool, sentAt: NIODeadline)
        case release(KeyGrant)
    }

    @Test("No key ever has two holders", arguments: 0..<40 as Range<UInt64>)
    func safety(seed: UInt64) throws {
        let backend = try #require(BackendID("b"))
        var random = SplitMix(state: seed)
        let key = BackendKey(scope: "", name: "k")
        var table = LeaseTable()
        var nodes = (0..<4).map { number in
            Node(
                name: "n\(number)",
                rate: Double.random(in: 0.95...1.05, using: &random),
                offset: Double.random(in: 0...10_000, using: &random)
            )
        }
        var network: [(at: Double, Message)] = []
        var wall: Int64 = 1_000_000
        var highestToken: Int64 = 0
        var handovers = 0
        let step = 0.5

        func send(_ message: Message, at time: Double, to network: inout [(at: Double, Message)]) {
            guard Int.random(in: 0..<100, using: &random) >= 20 else { return }
            let isSlow = Int.random(in: 0..<10, using: &random) == 0
            network.append((time + Double.random(in: 0...(isSlow ? 90 : 1), using: &random), message))
        }

        for tick in 0..<8000 {
            let time = Double(tick) * step
            if Int.random(in: 0..<200, using: &random) == 0 {
                wall += Int64.random(in: -600_000...600_000, using: &random)
            }
            wall += Int64(step * 1000)
            for index in nodes.indices where Int.random(in: 0..<400, using: &random) == 0 {
                nodes[index].pausedUntil = time + Double.random(in: 0...120, using: &random)
            }
            let due = network.filter { $0.at <= time }
            network.removeAll { $0.at <= time }
            for (_, message) in due {
                switch message {
                case .acquire(let node, let sentAt):
                    let answer = table.acquire(
                        key,
                        for: KeyHolder(backend: backend, node: nodes[node].name),
                        lease: LeaseTimes().expiry,
                        now: Self.storeClock(time),
                        wall: WallTime(milliseconds: wall)
                    )
                    switch answer {
                    case .acquired(let grant):
                        #expect(grant.fencingToken > highestToken)
                        highestToken = grant.fencingToken
                        handovers += 1
                        send(.acquired(node: node, grant, sentAt: sentAt), at: time, to: &network)
                    case .held:
                        send(.notAcquired(node: node), at: time, to: &network)
                    }
                case .renew(let node, let grant, let sentAt):
                    let isRenewed = table.renew(grant, lease: LeaseTimes().expiry, now: Self.storeClock(time))
                    send(.renewed(node: node, grant, isRenewed, sentAt: sentAt), at: time, to: &network)
                case .release(let grant):
                    table.release(grant)
                // A node that is paused finds its mail when it wakes.
                case .acquired(let node, _, _), .notAcquired(let node), .renewed(let node, _, _, _):
                    if nodes[node].pausedUntil > time {
                        network.append((nodes[node].pausedUntil, message))
                    } else {
                        Self.deliver(message, to: &nodes[node])
                    }
                }
            }
            for index in nodes.indices where nodes[index].pausedUntil <= time {
                let now = nodes[index].clock(time)
                if nodes[index].held == nil {
                    if !nodes[index].isAsking || Int.random(in: 0..<100, using: &random) == 0 {
                        nodes[index].isAsking = true
                        send(.acquire(node: index, sentAt: now), at: time, to: &network)
                    }
                } else if let grant = nodes[index].held?.grant {
                    for action in nodes[index].held?.holder.tick(at: now) ?? [] {
                        switch action {
                        case .renew: send(.renew(node: index, grant, sentAt: now), at: time, to: &network)
                        case .stop(.soft): break
                        case .stop(.hard):
                            nodes[index].held = nil
                            nodes[index].isAsking = false
                            send(.release(grant), at: time, to: &network)
                        }
                    }
                    // Some backends end by themselves.
                    if nodes[index].held != nil, Int.random(in: 0..<800, using: &random) == 0 {
                        nodes[index].held = nil
                        nodes[index].isAsking = false
                        send(.release(grant), at: time, to: &network)
                    }
                }
            }
            let acting = nodes.filter { $0.isActing(time) }
            #expect(acting.count <= 1, "at \(time) s: \(acting.map(\.name))")
        }
        // Not by standing still.
        #expect(handovers > 10)
    }

    private static func storeClock(_ time: Double) -> NIODeadline {
        .uptimeNanoseconds(UInt64((500 + time) * 1_000_000_000))
    }

    private static func deliver(_ message: Message, to node: inout Node) {
        switch message {
        case .acquired(_, let grant, let sentAt):
            guard node.held == nil else { return }
            node.held = (grant, LeaseHolder(requestedAt: sentAt))
        case .notAcquired:
            node.isAsking = false
        case .renewed(_, let grant, let isRenewed, let sentAt):
            guard node.held?.grant == grant else { return }
            if isRenewed {
                node.held?.holder.renewed(requestedAt: sentAt)
            } else {
                _ = node.held?.holder.refused()
            }
        case .acquire, .renew, .release:
            break
        }
    }
}

/// Random numbers that a seed repeats.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
