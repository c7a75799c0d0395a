import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisSubscriptionMachineTests {
    /// What happens to a machine, in the words of a table.
    enum Event: Sendable {
        case subscribe(String)
        case unsubscribe(String)
        case up
        case down
        case confirmed(String)
        case gone(String)
        case refused(String)
    }

    struct Course: Sendable, CustomTestStringConvertible {
        let name: String
        let events: [Event]
        let said: [String]

        init(_ name: String, _ events: [Event], _ said: [String]) {
            self.name = name
            self.events = events
            self.said = said
        }

        var testDescription: String { self.name }
    }

    private static func channel(_ name: String) -> RedisChannel {
        let kinds: [Character: RedisChannel.Kind] = ["*": .pattern, "#": .shard]
        return RedisChannel(kinds[name.first ?? " "] ?? .channel, name)
    }

    static func words(_ action: RedisSubscriptionMachine.Action) -> String {
        switch action {
        case .order(let order): "\(order.commandName) \(order.names.map { String(buffer: $0) }.joined(separator: " "))"
        case .subscribed(let channel, let gap):
            "heard \(String(buffer: channel.name))\(gap == nil ? "" : " after a gap")"
        case .interrupted(let channel): "interrupted \(String(buffer: channel.name))"
        case .refused(let channel, let error): "refused \(String(buffer: channel.name)) \(error.code)"
        case .moved(let channel, let error, let since):
            "moved \(String(buffer: channel.name)) \(error?.code ?? "")\(since == nil ? "" : " after it was heard")"
        }
    }

    private static func run(_ events: [Event]) -> [String] {
        var machine = RedisSubscriptionMachine()
        var said: [String] = []
        var orders: [RedisSubscriptionOrder] = []
        for (index, event) in events.enumerated() {
            let now = NIODeadline.at(Int64(index))
            switch event {
            case .subscribe(let name): machine.subscribe(to: Self.channel(name))
            case .unsubscribe(let name): machine.unsubscribe(from: Self.channel(name))
            case .up: machine.connected()
            case .down: machine.disconnected(heardAt: now)
            case .confirmed(let name): machine.subscribed(Self.channel(name), now: now)
            case .gone(let name): machine.unsubscribed(Self.channel(name), now: now)
            case .refused(let code):
                guard let order = orders.last else { continue }
                machine.refused(order, RESPErrorReply(ByteBuffer(string: "\(code) …")), now: now)
            }
            while let action = machine.next() {
                if case .order(let order) = action { orders.append(order) }
                said.append(Self.words(action))
            }
        }
        return said
    }

    static let courses: [Course] = [
        .init("nothing is asked of a connection that is not there", [.subscribe("a"), .unsubscribe("a"), .up], []),
        .init("asked for before the connection", [.subscribe("a"), .up, .confirmed("a")], ["SUBSCRIBE a", "heard a"]),
        .init(
            "asked for twice",
            [.up, .subscribe("a"), .subscribe("a"), .confirmed("a"), .subscribe("a")],
            ["SUBSCRIBE a", "heard a"]
        ),
        .init(
            "left",
            [.up, .subscribe("a"), .confirmed("a"), .unsubscribe("a"), .gone("a")],
            ["SUBSCRIBE a", "heard a", "UNSUBSCRIBE a"]
        ),
        .init(
            "left before it was confirmed",
            [.up, .subscribe("a"), .unsubscribe("a"), .confirmed("a"), .gone("a")],
            ["SUBSCRIBE a", "UNSUBSCRIBE a"]
        ),
        .init(
            "left and wanted before it was confirmed",
            [.up, .subscribe("a"), .unsubscribe("a"), .subscribe("a"), .confirmed("a")],
            ["SUBSCRIBE a", "heard a"]
        ),
        .init(
            "left and wanted before leaving was confirmed",
            [.up, .subscribe("a"), .confirmed("a"), .unsubscribe("a"), .subscribe("a"), .gone("a"), .confirmed("a")],
            ["SUBSCRIBE a", "heard a", "UNSUBSCRIBE a", "SUBSCRIBE a", "heard a"]
        ),
        .init(
            "wanted, left and wanted while leaving",
            [
                .up, .subscribe("a"), .confirmed("a"), .unsubscribe("a"), .subscribe("a"), .unsubscribe("a"),
                .gone("a"),
                .subscribe("a"), .confirmed("a"),
            ],
            ["SUBSCRIBE a", "heard a", "UNSUBSCRIBE a", "SUBSCRIBE a", "heard a"]
        ),
        .init(
            "a connection lost and made again",
            [.up, .subscribe("a"), .confirmed("a"), .down, .up, .confirmed("a")],
            ["SUBSCRIBE a", "heard a", "interrupted a", "SUBSCRIBE a", "heard a after a gap"]
        ),
        .init(
            "lost twice before it is heard again: one gap",
            [.up, .subscribe("a"), .confirmed("a"), .down, .up, .down, .up, .confirmed("a")],
            ["SUBSCRIBE a", "heard a", "interrupted a", "SUBSCRIBE a", "SUBSCRIBE a", "heard a after a gap"]
        ),
        .init(
            "lost before it was ever heard: no gap",
            [.up, .subscribe("a"), .down, .up, .confirmed("a")],
            ["SUBSCRIBE a", "SUBSCRIBE a", "heard a"]
        ),
        .init(
            "lost while leaving",
            [.up, .subscribe("a"), .confirmed("a"), .unsubscribe("a"), .down, .up],
            ["SUBSCRIBE a", "heard a", "UNSUBSCRIBE a"]
        ),
        .init(
            "lost while leaving, and wanted again: it is new",
            [.up, .subscribe("a"), .confirmed("a"), .unsubscribe("a"), .subscribe("a"), .down, .up, .confirmed("a")],
            ["SUBSCRIBE a", "heard a", "UNSUBSCRIBE a", "SUBSCRIBE a", "heard a"]
        ),
        .init(
            "left while the connection was lost",
            [.up, .subscribe("a"), .confirmed("a"), .down, .unsubscribe("a"), .up],
            ["SUBSCRIBE a", "heard a", "interrupted a"]
        ),
        .init(
            "kinds have commands of their own, and the order stays",
            [.subscribe("a"), .subscribe("b"), .subscribe("*c"), .subscribe("#d"), .subscribe("e"), .up],
            ["SUBSCRIBE a b", "PSUBSCRIBE *c", "SSUBSCRIBE #d", "SUBSCRIBE e"]
        ),
        .init("refused", [.up, .subscribe("a"), .refused("NOPERM"), .down, .up], ["SUBSCRIBE a", "refused a NOPERM"]),
        .init(
            "refused together: each is asked for by itself",
            [.subscribe("a"), .subscribe("b"), .subscribe("c"), .up, .refused("NOPERM"), .subscribe("d")],
            ["SUBSCRIBE a b c", "SUBSCRIBE a", "SUBSCRIBE b", "SUBSCRIBE c", "SUBSCRIBE d"]
        ),
        .init(
            "refused when nobody wants it any more",
            [.up, .subscribe("a"), .unsubscribe("a"), .refused("NOPERM")],
            ["SUBSCRIBE a"]
        ),
        .init(
            "a slot that is elsewhere",
            [.up, .subscribe("#a"), .refused("MOVED")],
            ["SSUBSCRIBE #a", "moved #a MOVED"]
        ),
        .init(
            "a slot that goes away",
            [.up, .subscribe("#a"), .confirmed("#a"), .gone("#a"), .down, .up],
            ["SSUBSCRIBE #a", "heard #a", "moved #a  after it was heard"]
        ),
        .init(
            "a slot that goes away while it is left",
            [.up, .subscribe("#a"), .confirmed("#a"), .unsubscribe("#a"), .gone("#a"), .gone("#a")],
            ["SSUBSCRIBE #a", "heard #a", "SUNSUBSCRIBE #a"]
        ),
        .init("what nobody has asked for", [.up, .confirmed("a"), .gone("a")], []),
    ]

    @Test("Whatever is wanted in whatever order, the connection follows", arguments: Self.courses)
    func course(_ course: Course) {
        #expect(Self.run(course.events) == course.said)
    }

    @Test("A gap is from when the connection was last heard of to when it is heard again")
    func gap() {
        var machine = RedisSubscriptionMachine()
        let channel = RedisChannel(.channel, "a")
        machine.connected()
        machine.subscribe(to: channel)
        _ = machine.next()
        machine.subscribed(channel, now: .at(1))
        machine.disconnected(heardAt: .at(500))
        machine.connected()
        machine.subscribed(channel, now: .at(900))  // of no order
        var said: [RedisSubscriptionMachine.Action] = []
        while let action = machine.next() { said.append(action) }
        machine.subscribed(channel, now: .at(1000))
        #expect(machine.next() == .subscribed(channel, gap: RedisGap(from: .at(500), to: .at(1000))))
        #expect(said.contains(.interrupted(channel)))
    }

    @Test("Many names go in commands of at most 500, those of different slots in different ones")
    func batches() {
        var machine = RedisSubscriptionMachine(isClustered: true)
        for number in 0..<1200 { machine.subscribe(to: RedisChannel(.channel, "c\(number)")) }
        for number in 0..<10 { machine.subscribe(to: RedisChannel(.shard, "{p\(number / 5)}:\(number)")) }
        machine.connected()
        var sizes: [Int] = []
        while case .order(let order)? = machine.next() { sizes.append(order.names.count) }
        #expect(sizes == [500, 500, 200, 5, 5])
    }

    /// A server that confirms in order, and a connection that may break at any time.
    @Test("Whatever happens in whatever order, in the end just what is wanted is subscribed to", arguments: 0..<200)
    func convergence(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = RedisSubscriptionMachine()
        let channels = (0..<6).map { RedisChannel(.channel, "c\($0)") }
        var wanted: Set<RedisChannel> = []
        var server: Set<RedisChannel> = []
        var confirmations: [(Bool, RedisChannel)] = []
        var isUp = false
        var heard: Set<RedisChannel> = []

        func act() {
            while let action = machine.next() {
                switch action {
                case .order(let order):
                    #expect(isUp)
                    for channel in order.channels {
                        confirmations.append((order.subscribes, channel))
                        if order.subscribes { server.insert(channel) } else { server.remove(channel) }
                    }
                case .subscribed(let channel, _):
                    #expect(wanted.contains(channel))
                    heard.insert(channel)
                case .interrupted(let channel): heard.remove(channel)
                case .refused, .moved: Issue.record("nobody has refused anything")
                }
            }
        }
        func confirm() {
            guard !confirmations.isEmpty else { return }
            let (subscribes, channel) = confirmations.removeFirst()
            if subscribes {
                machine.subscribed(channel, now: .at(0))
            } else {
                machine.unsubscribed(channel, now: .at(0))
            }
        }
        for _ in 0..<300 {
            let channel = channels[Int.random(in: channels.indices, using: &random)]
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2:
                machine.subscribe(to: channel)
                wanted.insert(channel)
            case 3...5:
                machine.unsubscribe(from: channel)
                wanted.remove(channel)
                heard.remove(channel)
            case 6 where isUp && Bool.random(using: &random):
                isUp = false
                machine.disconnected(heardAt: .at(0))
                server = []
                confirmations = []
            case 7 where !isUp:
                isUp = true
                machine.connected()
            default: confirm()
            }
            act()
        }
        if !isUp {
            isUp = true
            machine.connected()
        }
        act()
        while !confirmations.isEmpty {
            confirm()
            act()
        }
        #expect(server == wanted)
        #expect(heard == wanted)
    }
}
