/// What was said to a topic, with the place that its home shard gave it.
public struct Publication: Sendable, Equatable {
    /// Its place among all that happens in the topic (``StreamPosition``), from 1; unique within an epoch.
    public let offset: UInt64
    /// When the home shard received it.
    public let time: WallTime
    public let sender: Sender
    public let payload: Payload

    public init(offset: UInt64, time: WallTime, sender: Sender, payload: Payload) {
        self.offset = offset
        self.time = time
        self.sender = sender
        self.payload = payload
    }
}

/// One thing that happened in a topic. The home shard puts them in one order, which all subscribers see.
public enum TopicEvent: Sendable {
    case joined(Member)
    case left(Member)
    /// A newer connection of the same user took the place of the first member.
    case replaced(Member, by: Member)
    case published(Publication)
}

/// A topic as an encoder sees it: after the event, on the home shard, for the length of one call.
public protocol TopicView {
    var name: TopicName { get }
    /// Calls `body` with each member, in the order of joining.
    func forEachMember(_ body: (Member) -> Void)
    /// Calls `body` with each retained publication, oldest first.
    func forEachPublication(_ body: (Publication) -> Void)
}
