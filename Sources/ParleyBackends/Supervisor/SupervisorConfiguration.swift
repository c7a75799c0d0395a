public import NIOCore

/// Times and bounds of a ``BackendSupervisor``.
public struct SupervisorConfiguration: Sendable {
    public var lifecycle = BackendLifecycle.Limits()
    public var cluster = "localhost"
    /// What stands before tokens in the paths of requests; without a slash at its end.
    public var pathPrefix = ""
    /// How long a token is valid that nobody uses.
    public var tokenLifetime = TimeAmount.seconds(3600)
    /// How long a backend that has ended can be asked for.
    public var retention = TimeAmount.hours(24)
    public var maximumLive = 500
    public var maximumRemembered = 10_000
    public var maximumHeldRequests = 1000
    /// Tokens of a backend; beyond this many the oldest goes that nobody uses at the time.
    public var maximumTokens = 10_000
    /// Bytes that the tokens of a backend say of their holders.
    public var maximumTokenBytes = 16 << 20
    /// Bytes of output that all backends keep which have ended.
    public var maximumKeptOutputBytes = 64 << 20
    /// Of each account; `nil`: any number.
    public var spawnsPerMinute: Int?
    /// How long a connect waits for a backend at its end to release the key.
    public var waitForRelease = TimeAmount.zero

    public init() {}
}
