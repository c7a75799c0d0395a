import NIOCore
import ParleyBackends
import Testing

@Suite struct RestartPaceTests {
    private let start = NIODeadline.uptimeNanoseconds(0) + .hours(1)

    @Test("The first start may be at once, the next after pauses that double up to ten seconds")
    func pauses() {
        var pace = RestartPace()
        #expect(pace.next <= self.start)
        var (now, pauses) = (self.start, [TimeAmount]())
        for _ in 0..<7 {
            pace.started(at: now)
            pauses.append(pace.next - now)
            now = pace.next
        }
        #expect(pauses == [500, 1000, 2000, 4000, 8000, 10_000, 10_000].map { .milliseconds($0) })
    }

    @Test("Whoever has stayed for a minute is started at once again")
    func steady() {
        var pace = RestartPace()
        pace.started(at: self.start)
        pace.started(at: pace.next)
        let later = pace.next + .seconds(60)
        #expect(!pace.isSteady(at: later - .nanoseconds(1)))
        #expect(pace.isSteady(at: later))
        pace.started(at: later)
        #expect(pace.next - later == .milliseconds(500))
    }
}
