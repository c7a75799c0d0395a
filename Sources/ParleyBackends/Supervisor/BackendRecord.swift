internal import DequeModule
internal import NIOCore
internal import ParleyModel

/// All that is known of one backend.
struct BackendRecord: Sendable {
    /// Of this record alone: ids may be used again.
    let number: Int
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
    let resume: ResumePolicy?
    /// How it was asked for, where others may follow it.
    var origin: ConnectOrder?

    var lifecycle: BackendLifecycle
    var activity: ActivityClock
    /// The states that the world knows: the last comes after its consequences.
    var published: [BackendState]
    var fencingToken: Int64 = 0

    var grant: KeyGrant?
    var lease: LeaseHolder?
    var address: SocketAddress?
    /// Whose tokens were taken back, where others may follow it.
    var revokedUsers: Set<UserID> = []
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

    var state: BackendState { self.published[self.published.count - 1] }
    var hasEnded: Bool { self.lifecycle.status == .terminated }
    var isServing: Bool { self.lifecycle.status.isServing }

    /// Where requests go, once it is ready.
    var readyAddress: SocketAddress? { self.lifecycle.status == .ready ? self.address : nil }

    // MARK: Taking what somebody is to be told

    mutating func takeWaiters() -> [@Sendable (SocketAddress?) -> Void] {
        defer { self.waiters = [:] }
        return Array(self.waiters.values)
    }

    mutating func takeLeavingWatchers() -> [@Sendable () -> Void] {
        defer { self.leavingWatchers = [:] }
        return Array(self.leavingWatchers.values)
    }
}
