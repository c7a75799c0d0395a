internal import NIOCore

/// Tells when a connection has been sending more than `limit` messages a second for two seconds.
///
/// The excess begins with the message that breaks the limit of its second, and ends with a second that keeps to it: a burst
/// passes, and so do bursts with a rest between them. Source: channel server specification, *Lifecycle and limits*.
struct RateMeter: Equatable {
    static let toleratedExcess = TimeAmount.seconds(2)

    /// Messages a second; 0: anything goes.
    private let limit: Int
    private var secondStart: NIODeadline?
    private var count = 0
    private var excessSince: NIODeadline?

    init(limit: Int) {
        self.limit = limit
    }

    mutating func allows(at now: NIODeadline) -> Bool {
        guard self.limit > 0 else { return true }
        self.turnSecond(at: now)
        self.count += 1
        guard self.count > self.limit else { return true }
        let since = self.excessSince ?? now
        self.excessSince = since
        return now - since < Self.toleratedExcess
    }

    private mutating func turnSecond(at now: NIODeadline) {
        guard let start = self.secondStart else {
            self.secondStart = now
            return
        }
        let elapsed = now - start
        guard elapsed >= .seconds(1) else { return }
        // Two seconds since one began: the one behind it was silent.
        let isNext = elapsed < .seconds(2)
        if !isNext || self.count <= self.limit { self.excessSince = nil }
        self.secondStart = isNext ? start + .seconds(1) : now
        self.count = 0
    }
}
