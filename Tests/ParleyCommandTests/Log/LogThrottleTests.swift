import NIOCore
import Testing

@testable import parley

@Suite struct LogThrottleTests {
    private let start = NIODeadline.uptimeNanoseconds(0)

    private func place(_ line: UInt) -> LogThrottle.Place { .init(file: "a", line: line) }

    @Test("A place may say so much in a while, then it is counted, and the count is told once")
    func one() {
        var throttle = LogThrottle(.init(lines: 2, window: .seconds(10), places: 8))
        #expect(throttle.admit(self.place(1), now: self.start) == .write)
        #expect(throttle.admit(self.place(1), now: self.start + .seconds(9)) == .write)
        let end = self.start + .seconds(10)
        #expect(throttle.admit(self.place(1), now: self.start + .seconds(9)) == .suppressAndReport(at: end))
        #expect(throttle.admit(self.place(1), now: self.start + .seconds(9)) == .suppress)
        // Its report is still to come.
        #expect(throttle.admit(self.place(1), now: end) == .suppress)
        #expect(throttle.expired(self.place(1), now: end) == 3)
        #expect(throttle.expired(self.place(1), now: end) == 0)
        #expect(throttle.admit(self.place(1), now: end) == .write)
        #expect(throttle.suppressedCount == 3)
    }

    @Test("Places do not take from each other, and a quiet one begins anew")
    func several() {
        var throttle = LogThrottle(.init(lines: 1, window: .seconds(10), places: 8))
        #expect(throttle.admit(self.place(1), now: self.start) == .write)
        #expect(throttle.admit(self.place(2), now: self.start) == .write)
        #expect(throttle.admit(self.place(1), now: self.start + .seconds(10)) == .write)
    }

    @Test("Places beyond the bound share one allowance")
    func bound() {
        var throttle = LogThrottle(.init(lines: 1, window: .seconds(10), places: 2))
        #expect(throttle.admit(self.place(1), now: self.start) == .write)
        #expect(throttle.admit(self.place(2), now: self.start) == .write)
        #expect(throttle.admit(self.place(3), now: self.start) == .write)
        let end = self.start + .seconds(10)
        #expect(throttle.admit(self.place(4), now: self.start) == .suppressAndReport(at: end))
        #expect(throttle.admit(self.place(5), now: self.start) == .suppress)
        #expect(throttle.expired(self.place(4), now: end) == 2)
        #expect(throttle.admit(self.place(6), now: end) == .write)
    }
}
