public import NIOCore

/// What one connection may use of a loop turn before it is the others' turn.
///
/// Time is what counts, but looking at the clock for each message would cost as much as a small message does: it is looked at
/// after some messages, or much work.
public struct TurnShare: Sendable {
    /// How long a connection is served at a stretch.
    static let maximumTime = TimeAmount.microseconds(500)
    static let maximumMessages = 512
    /// Bytes of messages, as they are after inflation.
    static let maximumBytes = 256 * 1024
    static let messagesBetweenLooks = 16
    /// Deliveries that are worth a look at the clock.
    static let deliveriesBetweenLooks = 256

    private let end: NIODeadline
    private var messages = 0
    private var bytes = 0
    private var nextLook = Self.messagesBetweenLooks
    private var nextLookDeliveries: Int

    /// - Parameter deliveries: What the shard has delivered so far, in all.
    public init(now: NIODeadline, deliveries: Int) {
        self.end = now + Self.maximumTime
        self.nextLookDeliveries = deliveries + Self.deliveriesBetweenLooks
    }

    /// Takes note of a message that was dealt with.
    /// - Returns: Whether the share is used up.
    public mutating func spend(bytes: Int, deliveries: Int, now: @autoclosure () -> NIODeadline) -> Bool {
        self.messages += 1
        self.bytes += bytes
        if self.bytes >= Self.maximumBytes || self.messages >= Self.maximumMessages { return true }
        guard self.messages >= self.nextLook || deliveries >= self.nextLookDeliveries else { return false }
        self.nextLook = self.messages + Self.messagesBetweenLooks
        self.nextLookDeliveries = deliveries + Self.deliveriesBetweenLooks
        return now() >= self.end
    }
}
