import NIOCore
import ParleyModel
import Testing

@testable import ParleyTransport

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

@Suite struct ConnectionClockTests {
    @Test("A ping is due every interval, and not twice at once")
    func pings() {
        let policy = ClockPolicy.pinging(every: 30)
        var clock = ConnectionClock(policy: policy, now: start)
        #expect(Self.tick(&clock, policy, after: 29.9) == .none)
        #expect(Self.tick(&clock, policy, after: 30) == .ping)
        #expect(Self.tick(&clock, policy, after: 30) == .none)
        #expect(Self.tick(&clock, policy, after: 60) == .ping)
    }

    @Test("A peer that leaves two pings unanswered is dropped; any frame counts as an answer")
    func silence() {
        let policy = ClockPolicy.pinging(every: 30)
        var clock = ConnectionClock(policy: policy, now: start)
        clock.received(at: start + .seconds(10))
        #expect(Self.tick(&clock, policy, after: 99.9) == .ping)
        #expect(Self.tick(&clock, policy, after: 100) == .close(.pingTimeout))
    }

    @Test("Messages in either direction keep an idle connection open, its age does not care")
    func idleAndAge() {
        let policy = ClockPolicy(idleTimeout: 10, maximumLifetime: 25)
        var clock = ConnectionClock(policy: policy, now: start)
        clock.received(at: start + .seconds(5))
        #expect(Self.tick(&clock, policy, after: 14) == .none)
        #expect(Self.tick(&clock, policy, after: 15) == .close(.goingAway))
        #expect(Self.tick(&clock, policy, after: 15, sent: 12) == .none)
        #expect(Self.tick(&clock, policy, after: 25, sent: 24) == .close(.goingAway))
    }

    @Test("A token that expires ends the connection")
    func expiry() {
        let policy = ClockPolicy()
        var clock = ConnectionClock(policy: policy, now: start, expiry: start + .seconds(7))
        #expect(Self.tick(&clock, policy, after: 6.9) == .none)
        #expect(Self.tick(&clock, policy, after: 7) == .close(.tokenExpired))
    }

    @Test("The next deadline is never later than what comes next")
    func nextDeadline() {
        let policy = ClockPolicy(
            pingInterval: 8,
            silenceLimit: 20,
            idleTimeout: 30,
            maximumLifetime: 40
        )
        var clock = ConnectionClock(policy: policy, now: start)
        for second in stride(from: 0.0, through: 60, by: 0.5) {
            let now = start + .milliseconds(Int64(second * 1000))
            let next = clock.nextDeadline(policy, lastSent: start)
            let action = clock.tick(policy, now: now, lastSent: start)
            #expect((action != .none) == (next <= now), "at \(second) s")
            if case .close = action { return }
        }
        Issue.record("nothing closed the connection")
    }

    private static func tick(
        _ clock: inout ConnectionClock,
        _ policy: ClockPolicy,
        after seconds: Double,
        sent: Double = 0
    ) -> ConnectionClock.TickAction {
        clock.tick(
            policy,
            now: start + .milliseconds(Int64(seconds * 1000)),
            lastSent: start + .milliseconds(Int64(sent * 1000))
        )
    }
}
