/// How far a session backend has come. A backend never goes back, and may skip some.
///
/// Source: docs/session-backends.md, "Lifecycle".
public enum BackendStatus: String, Sendable, CaseIterable, Comparable {
    /// The key is held, nothing was done yet.
    case scheduled
    /// The runtime prepares: an image, a directory.
    case loading
    /// The process is being launched.
    case starting
    /// It runs, and has not answered on its port yet.
    case waiting
    /// It has answered HTTP.
    case ready
    /// It was asked to end.
    case terminating
    /// It is being killed.
    case hardTerminating = "hard-terminating"
    /// It is gone; final.
    case terminated

    private var rank: Int {
        switch self {
        case .scheduled: 10
        case .loading: 20
        case .starting: 30
        case .waiting: 40
        case .ready: 50
        case .terminating: 60
        case .hardTerminating: 65
        case .terminated: 70
        }
    }

    public static func < (lhs: BackendStatus, rhs: BackendStatus) -> Bool { lhs.rank < rhs.rank }

    /// Whether requests may still reach it, now or once it is ready.
    public var isServing: Bool { self < .terminating }
}

/// Why a backend was ended; one that ended by itself has no reason.
public enum TerminationReason: String, Sendable, CaseIterable {
    /// Idle for too long, or too old.
    case swept
    /// Somebody said so through the API, or the server shut down.
    case external
    /// Its key could not be kept, or it was left over from an earlier life of the server.
    case keyExpired = "keyexpired"
    /// Nothing is known of it any more.
    case lost
    /// It never answered on its port.
    case startupTimeout = "startuptimeout"
    case internalError = "internalerror"
}

/// How a backend was asked to end.
public enum TerminationKind: String, Sendable, CaseIterable {
    /// SIGTERM, and SIGKILL after the grace period.
    case soft
    /// SIGKILL at once.
    case hard
}
