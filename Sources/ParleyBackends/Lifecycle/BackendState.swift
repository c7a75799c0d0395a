public import ParleyModel

/// One entry of a backend's history: a status and when it was entered.
public struct BackendState: Sendable, Hashable {
    public var status: BackendStatus
    public var time: WallTime
    /// Present while terminating, and when terminated if something ended it.
    public var reason: TerminationReason?
    public var kind: TerminationKind?
    /// Of a terminated backend; 128 + n for one that was killed by signal n. `nil` when none is known.
    public var exitCode: Int?
    /// Whether it never came to run.
    public var failedToLaunch: Bool

    public init(
        _ status: BackendStatus,
        at time: WallTime,
        reason: TerminationReason? = nil,
        kind: TerminationKind? = nil,
        exitCode: Int? = nil,
        failedToLaunch: Bool = false
    ) {
        self.status = status
        self.time = time
        self.reason = reason
        self.kind = kind
        self.exitCode = exitCode
        self.failedToLaunch = failedToLaunch
    }

    /// Whether the backend ended with an error: a code that is known and not zero, or no launch at all.
    public var isExitError: Bool { self.failedToLaunch || (self.exitCode ?? 0) != 0 }
}
