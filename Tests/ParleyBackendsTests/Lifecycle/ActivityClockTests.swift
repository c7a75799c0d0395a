import NIOCore
import ParleyBackends
import Testing

@Suite struct ActivityClockTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .zero + .seconds(seconds) }

    @Test("Idleness counts from scheduling")
    func unconnected() {
        let clock = ActivityClock(scheduledAt: Self.at(10), maximumIdle: .seconds(3), lifetime: nil)
        #expect(!clock.isOver(at: Self.at(12)))
        #expect(clock.isOver(at: Self.at(13)))
    }

    @Test("Idleness counts from the moment at which the last connection was closed")
    func connected() {
        var clock = ActivityClock(scheduledAt: Self.at(0), maximumIdle: .seconds(3), lifetime: nil)
        clock.connectionOpened()
        clock.connectionOpened()
        clock.connectionClosed(at: Self.at(20))
        #expect(!clock.isOver(at: Self.at(1000)))
        clock.connectionClosed(at: Self.at(1000))
        #expect(!clock.isOver(at: Self.at(1002)))
        #expect(clock.isOver(at: Self.at(1003)))
    }

    @Test("A lifetime ends a backend that is connected")
    func lifetime() {
        var clock = ActivityClock(scheduledAt: Self.at(5), maximumIdle: .seconds(3), lifetime: .seconds(10))
        clock.connectionOpened()
        #expect(!clock.isOver(at: Self.at(14)))
        #expect(clock.isOver(at: Self.at(15)))
    }

    @Test("Without limits nothing is ever over")
    func unlimited() {
        let clock = ActivityClock(scheduledAt: Self.at(0), maximumIdle: nil, lifetime: nil)
        #expect(!clock.isOver(at: .distantFuture))
    }

    @Test("Zero seconds of idleness end a backend at once")
    func zero() {
        let clock = ActivityClock(scheduledAt: Self.at(1), maximumIdle: .zero, lifetime: nil)
        #expect(clock.isOver(at: Self.at(1)))
    }
}
