import NIOCore
import Testing

@testable import ParleyHub

@Suite struct TimerWheelTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test(
        "A wake is never early, and at most one resolution late",
        arguments: [0, 1, 50, 99, 100, 101, 250, 5000, 51_000]
    )
    func precision(milliseconds: Int64) {
        var wheel = TimerWheel<Int>(now: Self.start)
        let deadline = Self.start + .milliseconds(milliseconds)
        wheel.schedule(1, at: deadline, now: Self.start)
        var now = Self.start
        while true {
            let due = wheel.advance(to: now)
            if !due.isEmpty { break }
            now = now + .milliseconds(10)
        }
        #expect(now >= deadline)
        #expect(now <= deadline + wheel.resolution)
        #expect(wheel.isEmpty)
    }

    @Test("A deadline that has passed is due at the next turn")
    func past() {
        var wheel = TimerWheel<Int>(now: Self.start)
        wheel.schedule(1, at: Self.start - .seconds(5), now: Self.start)
        let early = wheel.advance(to: Self.start + .milliseconds(99))
        let due = wheel.advance(to: Self.start + .milliseconds(100))
        #expect(early.isEmpty)
        #expect(due == [1])
    }

    @Test("What is due at different times comes in that order, though the wheel was turned late")
    func late() {
        var wheel = TimerWheel<Int>(now: Self.start)
        for (element, seconds) in [(3, 3), (1, 1), (2, 2), (9, 9)] {
            wheel.schedule(element, at: Self.start + .seconds(Int64(seconds)), now: Self.start)
        }
        let due = wheel.advance(to: Self.start + .seconds(5))
        #expect(due == [1, 2, 3])
        #expect(wheel.count == 1)
        let rest = wheel.advance(to: Self.start + .hours(5))
        #expect(rest == [9])
    }

    @Test("A wake beyond the horizon comes at the horizon, for its owner to schedule it again")
    func horizon() {
        var wheel = TimerWheel<Int>(now: Self.start, resolution: .milliseconds(100), slots: 8)
        let deadline = Self.start + .seconds(2)
        wheel.schedule(1, at: deadline, now: Self.start)
        var now = Self.start
        var turns = 0
        while true {
            now = now + .milliseconds(100)
            guard !wheel.advance(to: now).isEmpty else { continue }
            if now >= deadline { break }
            turns += 1
            wheel.schedule(1, at: deadline, now: now)
        }
        #expect(turns == 2)
        #expect(now == deadline)
    }

    @Test("A wheel that has been idle starts from the present")
    func idle() {
        var wheel = TimerWheel<Int>(now: Self.start)
        let later = Self.start + .hours(100)
        wheel.schedule(1, at: later + .seconds(1), now: later)
        let early = wheel.advance(to: later + .milliseconds(999))
        let due = wheel.advance(to: later + .seconds(1))
        #expect(early.isEmpty)
        #expect(due == [1])
    }

    @Test(
        "Whatever is scheduled comes once, never early, and late by no more than the turns are",
        arguments: 0..<20 as Range<UInt64>
    )
    func model(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var wheel = TimerWheel<Int>(now: Self.start)
        var deadlines: [Int: NIODeadline] = [:]
        var now = Self.start
        var scheduled = 0
        for _ in 0..<2000 {
            if Int.random(in: 0..<4, using: &random) == 0 {
                let deadline = now + .milliseconds(Int64.random(in: -50...40_000, using: &random))
                wheel.schedule(scheduled, at: deadline, now: now)
                deadlines[scheduled] = max(deadline, now)
                scheduled += 1
            }
            let previous = now
            now = now + .milliseconds(Int64.random(in: 0...250, using: &random))
            for element in wheel.advance(to: now) {
                guard let deadline = deadlines.removeValue(forKey: element) else {
                    Issue.record("seed \(seed): \(element) came twice")
                    continue
                }
                #expect(deadline <= now, "seed \(seed): \(element) came early")
                #expect(deadline + wheel.resolution + (now - previous) >= now, "seed \(seed): \(element) came late")
            }
            #expect(wheel.count == deadlines.count)
            #expect(
                deadlines.values.allSatisfy { $0 + wheel.resolution >= now },
                "seed \(seed): something did not come"
            )
        }
    }
}
