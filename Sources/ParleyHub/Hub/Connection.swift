public import NIOCore
public import ParleyModel

/// One client attached to this node, as its shard knows it. Used on the shard's event loop only.
public final class Connection {
    struct Subscription {
        let topic: LocalTopic
        /// Where the topic's list has this connection.
        var position: Int
        /// Whether the topic's home shard knows nothing of it.
        var isLocal: Bool
    }

    // What a delivery touches stands first, to lie in one cache line.
    var notes = Notes()
    /// The end of the publications that have been noted ahead of its group; 0 at the beginning of a tick.
    var caughtUpTo: UInt32 = 0
    /// How many of its group's pending messages those were.
    var caughtUpMessages: Int32 = 0
    /// Where the hub's ``DirectWriter`` writes to; `nil` when the delegate must see everything that is written.
    ///
    /// Only a handle that is surely this connection's may stand here: a delegate clears it before or while its transport closes.
    public var directHandle: Int32?
    /// Whether adjacent messages may be merged into one range; not, when single ones may have to be dropped.
    let mergesNotes: Bool
    /// The last audience that this connection was counted into.
    var audienceStamp: UInt32 = 0
    /// It has left its topics for good, and only what was said to it before is still sent.
    var isDetached = false
    /// Nil once the connection is closed.
    public internal(set) var delegate: (any ConnectionDelegate)?
    /// When a message was last sent to it; pings and the like do not count.
    public var lastSent: NIODeadline

    public let id: ConnectionID
    public let dialect: DialectName
    /// Changes with the transport only.
    public internal(set) var format: FormatID
    var subscriptions: [Subscription] = []
    /// When the timer wheel is to call, at the earliest; `.distantFuture` when it is not.
    var nextWake = NIODeadline.distantFuture
    /// How often the wheel holds this connection: more than once, when a wake was brought forward.
    var pendingWakes = 0
    /// Joins on their way to the home shard and back, in order.
    private var pendingJoins: [PendingJoin] = []

    init(
        id: ConnectionID,
        dialect: DialectName,
        format: FormatID,
        policy: SlowConsumerPolicy,
        delegate: any ConnectionDelegate,
        now: NIODeadline
    ) {
        self.lastSent = now
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

    private struct PendingJoin {
        let topic: TopicKey
        var isTakenBack = false
    }

    func beganJoin(of topic: TopicKey) {
        self.pendingJoins.append(PendingJoin(topic: topic))
    }

    func takeBackJoins(of topic: TopicKey) {
        for index in self.pendingJoins.indices where self.pendingJoins[index].topic == topic {
            self.pendingJoins[index].isTakenBack = true
        }
    }

    /// - Returns: Whether the join still counts.
    func finishedJoin(of topic: TopicKey) -> Bool {
        guard let index = self.pendingJoins.firstIndex(where: { $0.topic == topic }) else { return true }
        let join = self.pendingJoins.remove(at: index)
        // Not kept: most connections join once.
        if self.pendingJoins.isEmpty { self.pendingJoins = [] }
        return !join.isTakenBack
    }
}

@available(*, unavailable)
extension Connection: Sendable {}

/// What a connection's driver does for the hub. Called on the connection's event loop.
public protocol ConnectionDelegate: AnyObject {
    /// Sends `chunks`, in order, as `messages` whole messages; where they are not merged, each chunk is one. Must not call back
    /// into the shard but through ``Shard/afterFlush(_:)``.
    /// - Parameters:
    ///   - chunks: Valid during the call; whoever needs the bytes longer copies them.
    ///   - written: Bytes at the front that ``DirectWriter`` has written already.
    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int)
    /// A direct write failed: the transport is broken.
    func writeFailed()
    /// Whether something sent now would reach the transport at once; what may be lost is not sent otherwise.
    var isWritable: Bool { get }
    /// A join is decided; called before anything of it is sent.
    func joinWillComplete()
    /// The answer to ``Shard/join(_:_:)``. On the topic's home shard it comes before the event of the join itself is told: what
    /// is published from within is told first.
    func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome)
    func publishCompleted(_ topic: TopicKey)
    /// The hub wants the connection gone, and has removed it from the topic that caused it.
    func expelled(_ reason: CloseReason)
    /// The server stops: tell the client, in its dialect's code.
    func shutDown()
    /// A deadline set by ``Shard/wake(_:at:)`` has come.
    func wake(now: NIODeadline)
}

extension ConnectionDelegate {
    public var isWritable: Bool { true }
    public func joinWillComplete() {}
}
