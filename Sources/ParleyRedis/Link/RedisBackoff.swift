package import NIOCore

/// How long to wait before a connection is tried again: twice as long each time, and never as long as others do.
package struct RedisBackoff: Sendable, Hashable {
    package var first = TimeAmount.milliseconds(50)
    package var longest = TimeAmount.seconds(2)

    package init() {}

    /// - Parameters:
    ///   - failures: In a row; the first is 1.
    ///   - chance: From 0 up to 1: where between half of the wait and all of it.
    package func delay(afterFailures failures: Int, chance: Double) -> TimeAmount {
        // Doubled so often, any wait is the longest.
        let doublings = min(max(0, failures - 1), 30)
        let (doubled, isTooLong) = self.first.nanoseconds.multipliedReportingOverflow(by: 1 << doublings)
        let whole = isTooLong ? self.longest.nanoseconds : min(doubled, self.longest.nanoseconds)
        let share = 0.5 + min(max(0, chance), 1) / 2
        return .nanoseconds(Int64(Double(whole) * share))
    }
}
