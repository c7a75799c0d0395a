public import NIOCore

/// When a backend is to be swept: after a time without an open connection, or after a lifetime, connected or not.
public struct ActivityClock: Sendable {
    private let maximumIdle: TimeAmount?
    private let end: NIODeadline?
    /// Since when nobody is connected.
    private var idleSince: NIODeadline?
    /// Requests in flight and upgraded sockets.
    public private(set) var openConnections = 0

    /// - Parameters:
    ///   - maximumIdle: `nil`: may stay without connections.
    ///   - lifetime: From scheduling; `nil`: any.
    public init(scheduledAt now: NIODeadline, maximumIdle: TimeAmount?, lifetime: TimeAmount?) {
        self.maximumIdle = maximumIdle
        self.end = lifetime.map { now + $0 }
        self.idleSince = now
    }

    public mutating func connectionOpened() {
        self.openConnections += 1
        self.idleSince = nil
    }

    public mutating func connectionClosed(at now: NIODeadline) {
        guard self.openConnections > 0 else { return }
        self.openConnections -= 1
        if self.openConnections == 0 { self.idleSince = now }
    }

    /// Whether the backend is past one of its limits.
    public func isOver(at now: NIODeadline) -> Bool {
        if let end = self.end, end <= now { return true }
        guard let maximumIdle = self.maximumIdle, let idleSince = self.idleSince else { return false }
        return idleSince + maximumIdle <= now
    }
}
