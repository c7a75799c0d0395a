package import NIOCore

/// What a client has seen since it was made.
package struct RedisStatistics: Sendable, Equatable {
    /// Connections that are there, and how often one that was there has been lost.
    package var connections = 0
    package var connectionsLost = 0
    /// Commands that wait to be sent or answered, and their bytes.
    package var waitingCommands = 0
    package var waitingBytes = 0
    package var channels = 0
    /// Channels that were heard again after they were not for a while.
    package var gaps = 0
    package var messages = 0
    package var roundTrips = RedisRoundTrips()

    package init() {}
}

/// How long answers took, from the moment when their commands were written.
package struct RedisRoundTrips: Sendable, Equatable {
    /// Upper bounds in seconds; whatever took longer is in ``count`` only.
    package static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ]
    private static let nanoseconds = Self.bounds.map { Int64($0 * 1e9) }

    /// How many took at most as long as the bound with the same index, and longer than the one before it.
    package private(set) var counts = [UInt64](repeating: 0, count: Self.bounds.count)
    package private(set) var count: UInt64 = 0
    package private(set) var sum = TimeAmount.nanoseconds(0)

    package init() {}

    mutating func record(_ time: TimeAmount) {
        self.count += 1
        self.sum = self.sum + time
        // Most are among the first.
        if let index = Self.nanoseconds.firstIndex(where: { time.nanoseconds <= $0 }) { self.counts[index] += 1 }
    }
}
