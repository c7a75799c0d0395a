internal import NIOCore

/// Tells when a connection sent more than `limit` messages a second in two seconds on end.
///
/// One second above the limit is a burst and passes; the message that breaks the limit in a second second does not.
struct RateMeter: Equatable {
    /// Messages a second; 0: anything goes.
    private let limit: Int
    private var secondStart: NIODeadline?
    private var count = 0
    private var wasExceeded = false

    init(limit: Int) {
        self.limit = limit
    }

    mutating func allows(at now: NIODeadline) -> Bool {
        guard self.limit > 0 else { return true }
        let elapsed = self.secondStart.map { now - $0 }
        if let elapsed, elapsed < .seconds(1) {
            self.count += 1
        } else {
            // A second without messages between two busy ones ends the count.
            self.wasExceeded = elapsed.map { $0 < .seconds(2) } == true && self.count > self.limit
            self.secondStart = now
            self.count = 1
        }
        return !(self.wasExceeded && self.count > self.limit)
    }
}
