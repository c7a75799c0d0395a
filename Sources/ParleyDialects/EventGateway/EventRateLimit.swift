public import NIOCore

/// Tells when a client has sent more events than allowed within one second.
///
/// Source: event gateway specification, *Lifecycle and limits*.
public struct EventRateLimit: Equatable, Sendable {
    /// Events a second; 0: anything goes.
    private let limit: Int
    private var secondStart = NIODeadline.distantPast
    private var count = 0

    public init(limit: Int) {
        self.limit = limit
    }

    public mutating func allows(at now: NIODeadline) -> Bool {
        guard self.limit > 0 else { return true }
        if now - self.secondStart >= .seconds(1) {
            self.secondStart = now
            self.count = 0
        }
        self.count += 1
        return self.count <= self.limit
    }
}
