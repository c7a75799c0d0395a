public import NIOCore

/// Time and chance, handed to a dialect by its driver.
public struct DialectContext {
    /// The present moment on the event loop's monotonic clock.
    public var now: NIODeadline
    /// Cryptographically secure, except in tests.
    public var random: any RandomNumberGenerator

    public init(now: NIODeadline, random: any RandomNumberGenerator) {
        self.now = now
        self.random = random
    }
}
