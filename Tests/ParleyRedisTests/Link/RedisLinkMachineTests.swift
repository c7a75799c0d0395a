import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisLinkMachineTests {
    private func make(_ change: (inout Link.Settings) -> Void = { _ in }) -> Link {
        var settings = Link.Settings()
        settings.name = "cache:6379"
        settings.holdTime = .seconds(5)
        settings.connection.connectTimeout = .seconds(3)
        settings.connection.commandTimeout = .seconds(5)
        change(&settings)
        return Link(settings, seed: 1)
    }

    private func said(_ machine: inout Link, at milliseconds: Int64 = 0) -> [String] {
        var said: [String] = []
        while let action = machine.next(now: .at(milliseconds)) { said.append(action.words) }
        return said
    }

    /// Connected and greeted.
    private func up(_ change: (inout Link.Settings) -> Void = { _ in }) -> Link {
        var machine = self.make(change)
        machine.start(now: .at(0))
        machine.connected(attempt: 1, now: .at(0))
        machine.received(ByteBuffer(.hello()), attempt: 1, now: .at(0))
        #expect(said(&machine) == ["connect 1", "write HELLO 3", "up"])
        return machine
    }

    @Test("The first command connects, and goes with the greeting's answer")
    func lazy() {
        var machine = self.make()
        #expect(machine.deadline == nil)
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.send(RedisCommand("B").bytes, 2, asking: true, now: .at(0))
        #expect(said(&machine) == ["connect 1"])
        #expect(machine.waitingCount == 2)
        machine.connected(attempt: 1, now: .at(1))
        #expect(said(&machine) == ["write HELLO 3"])
        machine.received(ByteBuffer(.hello()), attempt: 1, now: .at(2))
        #expect(said(&machine) == ["up", "write A", "write ASKING", "write B"])
        machine.received(ByteBuffer(.integer(1), .ok, .integer(2)), attempt: 1, now: .at(3))
        #expect(said(&machine) == ["answer 1 1", "answer 2 2"])
        #expect(machine.waitingBytes == 0)
    }

    @Test("After a loss it connects again; what was sent is not sent again, what was not is")
    func reconnect() {
        var machine = self.up()
        machine.send(RedisCommand("A").bytes, 1, now: .at(3000))
        _ = said(&machine)
        machine.closed(attempt: 1, nil)
        #expect(
            said(&machine, at: 3001) == [
                "disconnect 1", "fail 1 connectionLost perhaps executed", "down connectionLost after it was up",
            ]
        )
        machine.send(RedisCommand("B").bytes, 2, now: .at(3002))
        #expect(said(&machine).isEmpty)
        machine.tick(now: .at(3100))
        #expect(said(&machine) == ["connect 2"])
        machine.connected(attempt: 2, now: .at(3101))
        machine.received(ByteBuffer(.hello()), attempt: 2, now: .at(3102))
        #expect(said(&machine) == ["write HELLO 3", "up", "write B"])
        #expect(machine.losses == 1)
    }

    @Test("What is told of an attempt that is over changes nothing")
    func late() {
        var machine = self.up()
        machine.closed(attempt: 1, nil)
        _ = said(&machine, at: 1)
        machine.tick(now: .at(100))
        #expect(said(&machine) == ["connect 2"])
        machine.received(ByteBuffer(.ok), attempt: 1, now: .at(101))
        machine.closed(attempt: 1, nil)
        machine.failedToConnect(attempt: 1, RedisError(.connectionLost, ""), now: .at(101))
        #expect(said(&machine).isEmpty)
        machine.connected(attempt: 1, now: .at(101))
        #expect(said(&machine) == ["disconnect 1"])
        machine.connected(attempt: 2, now: .at(102))
        machine.received(ByteBuffer(.hello()), attempt: 2, now: .at(102))
        machine.received(ByteBuffer(.bulk("late")), attempt: 1, now: .at(103))
        #expect(said(&machine) == ["write HELLO 3", "up"])
    }

    @Test("Attempts come further and further apart, and a connection that stays makes them quick again")
    func backoff() {
        var machine = self.make()
        machine.start(now: .at(0))
        var waits: [Int64] = []
        var now: Int64 = 0
        for attempt in 1...8 {
            machine.failedToConnect(attempt: attempt, RedisError(.connectionLost, "no"), now: .at(now))
            while let action = machine.next(now: .at(now)) {
                if case .down(_, let delay, _) = action { waits.append(delay.nanoseconds / 1_000_000) }
            }
            now += waits[attempt - 1] + 1
            machine.tick(now: .at(now))
        }
        for (index, wait) in waits.enumerated() {
            let whole = min(2000, Int64(50) << Int64(index))
            #expect(wait >= whole / 2 - 1 && wait <= whole)
        }
        machine.connected(attempt: 9, now: .at(now))
        machine.received(ByteBuffer(.hello()), attempt: 9, now: .at(now))
        _ = said(&machine, at: now)
        machine.closed(attempt: 9, nil)
        _ = machine.next(now: .at(now + 10_000))
        guard case .down(_, let delay, _)? = machine.next(now: .at(now + 10_000)) else {
            Issue.record("expected the link to be down")
            return
        }
        #expect(delay <= .milliseconds(50))
    }

    @Test("A connection that breaks as soon as it is up is not tried more and more often")
    func flapping() {
        var machine = self.make()
        machine.start(now: .at(0))
        var now: Int64 = 0
        var waits: [Int64] = []
        for attempt in 1...6 {
            machine.connected(attempt: attempt, now: .at(now))
            machine.received(ByteBuffer(.hello()), attempt: attempt, now: .at(now))
            _ = said(&machine, at: now)
            machine.closed(attempt: attempt, nil)
            while let action = machine.next(now: .at(now)) {
                if case .down(_, let delay, _) = action { waits.append(delay.nanoseconds / 1_000_000) }
            }
            now += waits[attempt - 1] + 1
            machine.tick(now: .at(now))
        }
        #expect(waits.last ?? 0 >= 800)
    }

    @Test("What waits longer than the hold fails unsent, and says why there was no connection")
    func hold() {
        var machine = self.make()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.failedToConnect(attempt: 1, RedisError(.connectionLost, "nobody listens"), now: .at(1))
        _ = said(&machine)
        machine.send(RedisCommand("B").bytes, 2, now: .at(4000))
        var failures: [String] = []
        for milliseconds in stride(from: Int64(10), through: 9100, by: 10) {
            machine.tick(now: .at(milliseconds))
            while let action = machine.next(now: .at(milliseconds)) {
                switch action {
                case .connect(let attempt):
                    machine.failedToConnect(
                        attempt: attempt,
                        RedisError(.connectionLost, "nobody listens"),
                        now: .at(milliseconds)
                    )
                case .fail(let error, let waiter):
                    #expect(error.description.contains("cache:6379") && error.description.contains("nobody listens"))
                    #expect(!error.mayHaveBeenExecuted)
                    failures.append("\(waiter) at \(milliseconds)")
                default: break
                }
            }
        }
        #expect(failures == ["1 at 5000", "2 at 9000"])
        #expect(machine.waitingBytes == 0)
    }

    @Test("More than may wait is refused at once, connected or not", arguments: [true, false])
    func bounds(isUp: Bool) {
        let bounds: (inout Link.Settings) -> Void = {
            $0.maximumWaitingCommands = 3
            $0.maximumWaitingBytes = 40
        }
        var machine = isUp ? self.up(bounds) : self.make(bounds)
        for number in 1...4 { machine.send(RedisCommand("PING").bytes, number, now: .at(0)) }
        #expect(said(&machine).contains("fail 3 queueFull"))
        machine.send(RedisCommand("X").bytes, 5, now: .at(0))
        #expect(!said(&machine).contains("fail 5 queueFull"))
        machine.send(RedisCommand("Y").bytes, 6, now: .at(0))
        #expect(said(&machine) == ["fail 6 queueFull"])
    }

    @Test("An attempt that takes too long is given up")
    func connectTimeout() {
        var machine = self.make()
        machine.start(now: .at(0))
        _ = said(&machine)
        #expect(machine.deadline == .at(3000))
        machine.tick(now: .at(3000))
        #expect(said(&machine) == ["disconnect 1", "down timedOut"])
        #expect(machine.isInBackoff)
    }

    @Test("A greeting that fails is a connection that was never up")
    func refusedGreeting() {
        var machine = self.make()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.connected(attempt: 1, now: .at(0))
        machine.received(ByteBuffer(.error("NOAUTH …")), attempt: 1, now: .at(1))
        #expect(said(&machine, at: 1) == ["connect 1", "write HELLO 3", "disconnect 1", "down notAuthenticated"])
        #expect(machine.losses == 0)
        #expect(machine.waitingCount == 1)
    }

    @Test("A link that is told that its server is the wrong one leaves it at once")
    func wrongServer() {
        var machine = self.up()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        _ = said(&machine)
        machine.reconnect(RedisError(.notPrimary, "moved"), now: .at(1))
        #expect(
            said(&machine, at: 1) == [
                "disconnect 1", "fail 1 notPrimary perhaps executed", "down notPrimary after it was up",
            ]
        )
        machine.reconnect(RedisError(.notPrimary, "moved"), now: .at(2))
        #expect(said(&machine) == ["connect 2"])
        machine.reconnect(RedisError(.notPrimary, "moved"), now: .at(3))
        #expect(said(&machine) == ["disconnect 2", "connect 3"])
    }

    @Test("A node of a cluster is left to those who know clusters, with all who wait")
    func cluster() {
        var machine = self.make { $0.leavesClusters = true }
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.send(RedisCommand("B").bytes, 2, now: .at(0))
        machine.connected(attempt: 1, now: .at(0))
        machine.received(ByteBuffer(.hello(mode: "cluster")), attempt: 1, now: .at(0))
        #expect(said(&machine) == ["connect 1", "write HELLO 3", "found a cluster, waiting: [1, 2]", "disconnect 1"])
        machine.send(RedisCommand("C").bytes, 3, now: .at(0))
        #expect(said(&machine) == ["fail 3 closed"])
        #expect(machine.deadline == nil)
    }

    @Test("Closing fails all that waits, sent or not, and is final")
    func close() {
        var machine = self.up()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        _ = said(&machine)
        machine.close()
        #expect(said(&machine) == ["disconnect 1", "fail 1 closed perhaps executed"])
        machine.close()
        machine.start(now: .at(1))
        machine.closed(attempt: 1, nil)
        machine.send(RedisCommand("B").bytes, 2, now: .at(0))
        #expect(said(&machine) == ["fail 2 closed"])

        var waiting = self.make()
        waiting.send(RedisCommand("A").bytes, 1, now: .at(0))
        waiting.close()
        #expect(said(&waiting) == ["connect 1", "disconnect 1", "fail 1 closed"])
        waiting.connected(attempt: 1, now: .at(1))
        #expect(said(&waiting) == ["disconnect 1"])
    }

    @Test("What was not sent can be taken back")
    func release() {
        var machine = self.make()
        machine.send(RedisCommand("A").bytes, 1, now: .at(0))
        machine.send(RedisCommand("B").bytes, 2, now: .at(0))
        #expect(machine.release() == [1, 2])
        #expect(machine.waitingCount == 0)
        #expect(machine.waitingBytes == 0)
    }
}
