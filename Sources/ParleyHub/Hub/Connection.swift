public import NIOCore
public import ParleyModel

/// One client attached to this node, as its shard knows it. Used on the shard's event loop only.
public final class Connection {
    struct Subscription {
        let topic: LocalTopic
        /// Where the topic's list has this connection.
        var position: Int
    }

    public let id: ConnectionID
    public let dialect: DialectName
    public let format: FormatID
    /// Whether adjacent messages may be merged into one range; not, when single ones may have to be dropped.
    let mergesNotes: Bool
    /// Nil once the connection is closed.
    public internal(set) var delegate: (any ConnectionDelegate)?
    /// It has left its topics for good, and only what was said to it before is still sent.
    var isDetached = false
    var subscriptions: [Subscription] = []
    var notes = Notes()
    /// When the timer wheel is to call, at the earliest; `.distantFuture` when it is not.
    var nextWake = NIODeadline.distantFuture

    init(
        id: ConnectionID,
        dialect: DialectName,
        format: FormatID,
        policy: SlowConsumerPolicy,
        delegate: any ConnectionDelegate
    ) {
        self.id = id
        self.dialect = dialect
        self.format = format
        self.mergesNotes = policy.overflow == .close
        self.delegate = delegate
    }

    public var isOpen: Bool { self.delegate != nil }

    func subscription(to key: TopicKey) -> Int? {
        self.subscriptions.firstIndex { $0.topic.key == key }
    }
}

@available(*, unavailable)
extension Connection: Sendable {}

/// What a connection's driver does for the hub. Called on the connection's event loop.
public protocol ConnectionDelegate: AnyObject {
    /// Sends `ranges` of `arena`, in order, as `messages` whole messages. Must not call back into the shard.
    /// - Parameter arena: Valid during the call; whoever needs the bytes longer copies them.
    func write(_ ranges: ContiguousArray<ArenaRange>, of arena: ByteBuffer, messages: Int)
    func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome)
    func publishCompleted(_ topic: TopicKey)
    /// The hub wants the connection gone, and has removed it from the topic that caused it.
    func expelled(_ reason: CloseReason)
    /// The server stops: tell the client, in its dialect's code.
    func shutDown()
    /// A deadline set by ``Shard/wake(_:at:)`` has come.
    func wake(now: NIODeadline)
}
