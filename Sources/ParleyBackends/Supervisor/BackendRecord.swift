internal import DequeModule
internal import NIOCore
internal import ParleyModel

/// All that the supervisor knows of one backend.
///
/// Unchecked: guarded by the supervisor's lock, under which alone it is looked at, and never seen outside of it.
final class BackendRecord: @unchecked Sendable {
    let id: BackendID
    let key: BackendKey
    let tag: String
    let service: ServiceName?
    let node: String
    let createdAt: WallTime
    let subdomain: String?
    let staticToken: String?
    var order: LaunchOrder
    /// How sockets outlive the backend; `nil`: they do not.
    var resume: ResumePolicy?
    /// How it was asked for, where others may follow it.
    var origin: ConnectOrder?
    /// Whose tokens were taken back, where others may follow it.
    var revokedUsers: Set<UserID> = []

    var lifecycle: BackendLifecycle
    var activity: ActivityClock
    /// The states that the world knows: the last comes after its consequences.
    var published: [BackendState]
    var grant: LeaseTable.Grant?
    var fencingToken: Int64 = 0
    var lease: LeaseHolder?
    var polling: Task<Void, Never>?
    var address: SocketAddress?
    /// Those that were given out, the oldest first.
    var tokens: Deque<String> = []
    /// What those tokens say of their holders.
    var tokenBytes = 0
    var log = OutputLog()

    /// Requests that are held until the backend is ready.
    var waiters: [Int: @Sendable (SocketAddress?) -> Void] = [:]
    /// Those who want to know when it is asked to end.
    var leavingWatchers: [Int: @Sendable () -> Void] = [:]
    var stateFeeds: [Int: AsyncStream<BackendState>.Continuation] = [:]
    var logFeeds: [Int: OutputFeed] = [:]

    init(
        id: BackendID,
        key: BackendKey,
        tag: String,
        service: ServiceName?,
        node: String,
        createdAt: WallTime,
        subdomain: String?,
        staticToken: String?,
        order: LaunchOrder,
        lifecycle: BackendLifecycle,
        activity: ActivityClock,
        published: [BackendState]
    ) {
        self.id = id
        self.key = key
        self.tag = tag
        self.service = service
        self.node = node
        self.createdAt = createdAt
        self.subdomain = subdomain
        self.staticToken = staticToken
        self.order = order
        self.lifecycle = lifecycle
        self.activity = activity
        self.published = published
    }

    var state: BackendState { self.published[self.published.count - 1] }
    var hasEnded: Bool { self.lifecycle.status == .terminated }
}
