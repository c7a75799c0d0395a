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
    /// What the histories of topics hold in memory, about.
    public var historyBytes = 0
    /// Topics with a retained history that were forgotten before their time, for want of room.
    public var evictedTopics = 0
    /// Publications that went out of the history of a topic with members for want of room.
    public var discardedPublications = 0

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
        sum.historyBytes += rhs.historyBytes
        sum.evictedTopics += rhs.evictedTopics
        sum.discardedPublications += rhs.discardedPublications
        return sum
    }
}
