package import NIOCore

/// Whether there is a connection.
package enum RedisLinkState: Sendable, Equatable {
    case up(RedisServerIdentity)
    /// Why there is none, and when another is tried.
    case down(RedisError, retryIn: TimeAmount)
}
