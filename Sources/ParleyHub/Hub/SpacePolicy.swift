public import NIOCore
internal import ParleyModel

/// What the topics of one space retain, and for how long.
public struct SpacePolicy: Sendable {
    public var history: HistoryPolicy
    /// How long a topic without members is kept; zero: it is forgotten at once.
    public var retention: TimeAmount
    /// How many topics may be live.
    public var limit: TopicLimit
    /// Whether histories are in the hub's store, where it has one; not, where what is kept means nothing to another process.
    public var isStored: Bool

    public init(
        history: HistoryPolicy = HistoryPolicy(),
        retention: TimeAmount = .zero,
        limit: TopicLimit = TopicLimit(maximum: 0),
        isStored: Bool = true
    ) {
        self.history = history
        self.retention = retention
        self.limit = limit
        self.isStored = isStored
    }
}
