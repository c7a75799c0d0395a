import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisConnectionMachineTests {
    private static func settings(_ change: (inout Connection.Settings) -> Void = { _ in }) -> Connection.Settings {
        var settings = Connection.Settings()
        settings.connectTimeout = .seconds(3)
        settings.commandTimeout = .seconds(5)
        settings.pingInterval = .seconds(2)
        change(&settings)
        return settings
    }

    /// Past its greeting.
    private static func ready(_ change: (inout Connection.Settings) -> Void = { _ in }) -> Connection {
        var machine = Connection(Self.settings(change), now: .at(0))
        machine.received(ByteBuffer(.hello()), now: .at(0))
        while machine.next(now: .at(0)) != nil {}
        #expect(machine.isReady)
        return machine
    }

    private func said(_ machine: inout Connection, at milliseconds: Int64 = 0) -> [String] {
        var said: [String] = []
        while let action = machine.next(now: .at(milliseconds)) { said.append(action.words) }
        return said
    }

    @Test("A connection greets first, and is ready with the answer")
    func greeting() {
        var machine = Connection(Self.settings { $0.plan.database = 2 }, now: .at(0))
        #expect(said(&machine) == ["write HELLO 3"])
        #expect(!machine.isReady)
        machine.received(ByteBuffer(.hello()), now: .at(1))
        #expect(said(&machine) == ["write SELECT 2"])
        machine.received(ByteBuffer(.ok), now: .at(2))
        #expect(said(&machine) == ["ready 3"])
        #expect(machine.isReady)
        #expect(machine.waitingCount == 0)
    }

    @Test("A command before the greeting is over fails unsent")
    func tooEarly() {
        var machine = Connection(Self.settings(), now: .at(0))
        _ = said(&machine)
        machine.send(RedisCommand("GET", "a").bytes, 1, now: .at(0))
        #expect(said(&machine) == ["fail 1 connectionLost"])
    }

    @Test("Answers belong to commands in their order, errors and attributes as well")
    func pipeline() {
        var machine = Self.ready()
        for number in 1...4 { machine.send(RedisCommand("GET", "\(number)").bytes, number, now: .at(0)) }
        #expect(said(&machine) == (1...4).map { "write GET \($0)" })
        #expect(machine.waitingCount == 4)
        machine.received(ByteBuffer(.bulk("a"), .error("ERR b")), now: .at(1))
        #expect(said(&machine) == ["answer 1 a", "answer 2 ERR b"])
        machine.received(ByteBuffer(.attributed(.bulk("c"), attributes: []), .null), now: .at(1))
        #expect(said(&machine) == ["answer 3 c", "answer 4 null"])
        #expect(machine.waitingCount == 0)
        #expect(machine.waitingBytes == 0)
    }

    @Test("An answer says how long it took")
    func roundTrip() {
        var machine = Self.ready()
        machine.send(RedisCommand("PING").bytes, 1, now: .at(10))
        _ = said(&machine)
        machine.received(ByteBuffer(.pong), now: .at(13))
        guard case .answer(_, 1, let roundTrip)? = machine.next(now: .at(13)) else {
            Issue.record("expected an answer")
            return
        }
        #expect(roundTrip == .milliseconds(3))
    }

    @Test("What pushes come between answers changes nothing")
    func pushes() {
        var machine = Self.ready()
        machine.send(RedisCommand("GET", "a").bytes, 1, now: .at(0))
        _ = said(&machine)
        machine.received(ByteBuffer(.push([.bulk("invalidate"), .null]), .push([]), .bulk("a")), now: .at(1))
        #expect(said(&machine) == ["answer 1 a"])
    }

    @Test("ASKING goes before its command, and has an answer of its own that nobody waits for")
    func asking() {
        var machine = Self.ready()
        machine.send(RedisCommand("GET", "a").bytes, 1, asking: true, now: .at(0))
        machine.send(RedisCommand("GET", "b").bytes, 2, now: .at(0))
        #expect(said(&machine) == ["write ASKING", "write GET a", "write GET b"])
        machine.received(ByteBuffer(.ok, .bulk("a"), .bulk("b")), now: .at(1))
        #expect(said(&machine) == ["answer 1 a", "answer 2 b"])
    }

    @Test("An answer that nobody waits for ends the connection")
    func unasked() {
        var machine = Self.ready()
        machine.received(ByteBuffer(.ok), now: .at(1))
        #expect(said(&machine) == ["close protocolViolation"])
        #expect(machine.isEnded)
    }

    @Test("Bytes that are none of the protocol end the connection; what waits may have been executed")
    func garbage() {
        var machine = Self.ready()
        machine.send(RedisCommand("GET", "a").bytes, 1, now: .at(0))
        _ = said(&machine)
        machine.received(ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\n"), now: .at(1))
        #expect(said(&machine) == ["close protocolViolation", "fail 1 protocolViolation perhaps executed"])
        machine.received(ByteBuffer(.ok), now: .at(2))
        #expect(said(&machine).isEmpty)
    }

    @Test("A connection that is lost fails what waits, in order, and nothing else")
    func lost() {
        var machine = Self.ready()
        machine.send(RedisCommand("A").bytes, 1, asking: true, now: .at(0))
        machine.send(RedisCommand("B").bytes, 2, now: .at(0))
        _ = said(&machine)
        machine.received(ByteBuffer(.ok, .ok), now: .at(1))
        #expect(said(&machine) == ["answer 1 OK"])
        machine.closed(nil)
        #expect(said(&machine) == ["close connectionLost", "fail 2 connectionLost perhaps executed"])
        machine.closed(nil)
        #expect(said(&machine).isEmpty)
        #expect(machine.deadline == nil)
    }

    @Test("A greeting without an answer ends the connection in time")
    func greetingTimeout() {
        var machine = Connection(Self.settings(), now: .at(0))
        _ = said(&machine)
        #expect(machine.deadline == .at(3000))
        machine.tick(now: .at(2999))
        #expect(said(&machine).isEmpty)
        machine.tick(now: .at(3000))
        #expect(said(&machine) == ["close timedOut"])
    }

    @Test("A command without an answer ends the connection, whatever else was answered")
    func commandTimeout() {
        var machine = Self.ready()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.send(RedisCommand("B").bytes, 2, now: .at(1000))
        _ = said(&machine)
        #expect(machine.deadline == .at(5000))
        machine.received(ByteBuffer(.ok), now: .at(4999))
        #expect(said(&machine) == ["answer 1 OK"])
        machine.tick(now: .at(5000))
        #expect(said(&machine).isEmpty)
        #expect(machine.deadline == .at(6000))
        machine.tick(now: .at(6000))
        #expect(said(&machine) == ["close timedOut", "fail 2 timedOut perhaps executed"])
    }

    @Test("A connection that hears nothing asks for a sign of life, and ends without one")
    func ping() {
        var machine = Self.ready()
        #expect(machine.deadline == .at(2000))
        machine.tick(now: .at(2000))
        #expect(said(&machine) == ["write PING"])
        #expect(machine.deadline == .at(7000))
        machine.received(ByteBuffer(.pong), now: .at(2001))
        #expect(said(&machine).isEmpty)
        #expect(machine.deadline == .at(4001))
        machine.tick(now: .at(4001))
        #expect(said(&machine) == ["write PING"])
        machine.tick(now: .at(9001))
        #expect(said(&machine) == ["close timedOut"])
    }

    @Test("A sign of life may stand behind many messages")
    func pingBehindMessages() {
        var machine = Self.ready { $0.isForSubscriptions = true }
        machine.tick(now: .at(2000))
        _ = said(&machine)
        machine.received(ByteBuffer(.push([.bulk("message"), .bulk("c"), .bulk("m")])), now: .at(6000))
        #expect(said(&machine) == ["message channel:c c m"])
        machine.tick(now: .at(7000))
        #expect(said(&machine).isEmpty)
        #expect(machine.deadline == .at(11_000))
    }

    // MARK: Subscriptions

    private func order(_ subscribes: Bool, _ kind: RedisChannel.Kind, _ names: String...) -> RedisSubscriptionOrder {
        RedisSubscriptionOrder(subscribes: subscribes, kind: kind, names: names.map { ByteBuffer(string: $0) })
    }

    @Test("Names are confirmed one by one, and messages come in between")
    func confirmations() {
        var machine = Self.ready { $0.isForSubscriptions = true }
        machine.send(self.order(true, .channel, "a", "b"), now: .at(0))
        machine.send(self.order(true, .pattern, "p*"), now: .at(0))
        machine.send(self.order(true, .shard, "s"), now: .at(0))
        #expect(said(&machine) == ["write SUBSCRIBE a b", "write PSUBSCRIBE p*", "write SSUBSCRIBE s"])
        machine.received(
            ByteBuffer(
                .confirmed("subscribe", "a"),
                .push([.bulk("message"), .bulk("a"), .bulk("1")]),
                .confirmed("subscribe", "b"),
                .confirmed("psubscribe", "p*"),
                .confirmed("ssubscribe", "s"),
                .push([.bulk("pmessage"), .bulk("p*"), .bulk("px"), .bulk("2")]),
                .push([.bulk("smessage"), .bulk("s"), .bulk("3")])
            ),
            now: .at(1)
        )
        #expect(
            said(&machine) == [
                "subscribed channel:a", "message channel:a a 1", "subscribed channel:b", "subscribed pattern:p*",
                "subscribed shard:s", "message pattern:p* px 2", "message shard:s s 3",
            ]
        )
        #expect(machine.waitingCount == 0)
    }

    @Test("An order is refused as a whole, and the next is matched all the same")
    func refusedOrder() {
        var machine = Self.ready { $0.isForSubscriptions = true }
        machine.send(self.order(true, .channel, "a", "b"), now: .at(0))
        machine.send(self.order(true, .channel, "c"), now: .at(0))
        _ = said(&machine)
        machine.received(ByteBuffer(.error("NOPERM …"), .confirmed("subscribe", "c")), now: .at(1))
        #expect(said(&machine) == ["refused SUBSCRIBE NOPERM", "subscribed channel:c"])
    }

    @Test("What a server takes away unasked is told, and answers no order")
    func unaskedUnsubscription() {
        var machine = Self.ready { $0.isForSubscriptions = true }
        machine.send(self.order(true, .shard, "a"), now: .at(0))
        _ = said(&machine)
        machine.received(ByteBuffer(.confirmed("sunsubscribe", "b"), .confirmed("ssubscribe", "a")), now: .at(1))
        #expect(said(&machine) == ["unsubscribed shard:b", "subscribed shard:a"])
        #expect(machine.waitingCount == 0)
    }

    @Test("In version 2 messages are arrays, and so is the sign of life")
    func versionTwo() {
        var machine = Connection(
            Self.settings {
                $0.isForSubscriptions = true
                $0.plan.protocolVersion = .two
            },
            now: .at(0)
        )
        machine.received(ByteBuffer(.error("ERR unknown command"), .ok), now: .at(0))
        #expect(said(&machine) == ["write HELLO 2", "write CLIENT SETNAME ", "ready 2"])
        machine.send(self.order(true, .channel, "a"), now: .at(0))
        _ = said(&machine)
        machine.received(
            ByteBuffer(
                .array([.bulk("subscribe"), .bulk("a"), .integer(1)]),
                .array([.bulk("message"), .bulk("a"), .bulk("1")])
            ),
            now: .at(0)
        )
        #expect(said(&machine) == ["subscribed channel:a", "message channel:a a 1"])
        machine.tick(now: .at(2000))
        #expect(said(&machine) == ["write PING"])
        machine.received(ByteBuffer(.array([.bulk("pong"), .bulk("")])), now: .at(2001))
        #expect(said(&machine).isEmpty)
        #expect(machine.waitingCount == 0)
    }

    @Test("Pushes of the wrong shape are none")
    func brokenPushes() {
        var machine = Self.ready { $0.isForSubscriptions = true }
        machine.received(
            ByteBuffer(
                .push([]),
                .push([.integer(1)]),
                .push([.bulk("message")]),
                .push([.bulk("message"), .bulk("a")]),
                .push([.bulk("pmessage"), .bulk("a"), .bulk("b")]),
                .push([.bulk("subscribe")]),
                .push([.bulk("unsubscribe"), .null, .integer(0)]),
                .push([.bulk("message"), .null, .bulk("m")])
            ),
            now: .at(0)
        )
        #expect(said(&machine).isEmpty)
        #expect(machine.isReady)
    }
}
