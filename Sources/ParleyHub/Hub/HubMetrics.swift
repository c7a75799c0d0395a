public import ParleyModel

/// Counters of one shard, or of all: plain numbers that only their loop touches.
public struct HubMetrics: Sendable, Equatable {
    public var connections: [DialectName: Int] = [:]
    public var subscriptions = 0
    public var topics = 0
    public var publications = 0
    public var deliveries = 0
    public var receivedMessages = 0
    public var receivedBytes = 0
    public var sentBytes = 0
    public var droppedMessages = 0
    public var slowConsumerCloses = 0
    /// Why the server ended connections, by the close table's labels.
    public var closes: [String: Int] = [:]

    public init() {}

    public static func + (lhs: HubMetrics, rhs: HubMetrics) -> HubMetrics {
        var sum = lhs
        sum.connections.merge(rhs.connections, uniquingKeysWith: +)
        sum.subscriptions += rhs.subscriptions
        sum.topics += rhs.topics
        sum.publications += rhs.publications
        sum.deliveries += rhs.deliveries
        sum.receivedMessages += rhs.receivedMessages
        sum.receivedBytes += rhs.receivedBytes
        sum.sentBytes += rhs.sentBytes
        sum.droppedMessages += rhs.droppedMessages
        sum.slowConsumerCloses += rhs.slowConsumerCloses
        sum.closes.merge(rhs.closes, uniquingKeysWith: +)
        return sum
    }
}
