package import NIOCore
internal import ParleyModel

/// When a connection is pinged, and what silence or age does to it. `nil` switches a rule off.
package struct ClockPolicy: Sendable {
    /// How often a protocol ping is sent.
    package var pingInterval: TimeInterval?
    /// Without any frame from the peer for this long it is dropped: its pongs, at least, should have come.
    package var silenceLimit: TimeInterval?
    /// Without messages in either direction for this long, the connection is closed.
    package var idleTimeout: TimeInterval?
    /// The connection is closed at this age, whatever happens on it.
    package var maximumLifetime: TimeInterval?
    /// An unfinished frame or message may go without progress for this long (``ProgressWatch``).
    package var frameTimeout: TimeInterval?

    package init(
        pingInterval: TimeInterval? = nil,
        silenceLimit: TimeInterval? = nil,
        idleTimeout: TimeInterval? = nil,
        maximumLifetime: TimeInterval? = nil,
        frameTimeout: TimeInterval? = 30
    ) {
        self.pingInterval = pingInterval
        self.silenceLimit = silenceLimit
        self.idleTimeout = idleTimeout
        self.maximumLifetime = maximumLifetime
        self.frameTimeout = frameTimeout
    }

    /// Pings every `interval`, and drops a peer that left two of them unanswered.
    package static func pinging(every interval: TimeInterval, frameTimeout: TimeInterval? = 30) -> ClockPolicy {
        ClockPolicy(pingInterval: interval, silenceLimit: interval * 3, frameTimeout: frameTimeout)
    }
}

/// Seconds, as configuration gives them; fractions are welcome in tests.
package typealias TimeInterval = Double

extension TimeAmount {
    package init(_ interval: TimeInterval) {
        self = .nanoseconds(Int64(interval * 1_000_000_000))
    }
}

/// The deadlines of one connection: a value that is told the time and says what is due.
struct ConnectionClock {
    enum TickAction: Equatable {
        case none
        case ping
        case close(CloseReason)
    }

    private let openedAt: NIODeadline
    private(set) var lastReceived: NIODeadline
    private var nextPing: NIODeadline
    /// When the token that opened the connection expires.
    private let expiry: NIODeadline

    init(policy: ClockPolicy, now: NIODeadline, expiry: NIODeadline = .distantFuture) {
        self.openedAt = now
        self.lastReceived = now
        self.expiry = expiry
        self.nextPing = policy.pingInterval.map { now + TimeAmount($0) } ?? .distantFuture
    }

    mutating func received(at now: NIODeadline) {
        self.lastReceived = now
    }

    /// What is due now. Call again at ``nextDeadline(_:lastSent:)``, or whenever.
    mutating func tick(_ policy: ClockPolicy, now: NIODeadline, lastSent: NIODeadline) -> TickAction {
        if self.expiry <= now { return .close(.tokenExpired) }
        if let lifetime = policy.maximumLifetime, self.openedAt + TimeAmount(lifetime) <= now {
            return .close(.goingAway)
        }
        if let idle = policy.idleTimeout, max(self.lastReceived, lastSent) + TimeAmount(idle) <= now {
            return .close(.goingAway)
        }
        if let silence = policy.silenceLimit, self.lastReceived + TimeAmount(silence) <= now {
            return .close(.pingTimeout)
        }
        if self.nextPing <= now, let interval = policy.pingInterval {
            self.nextPing = now + TimeAmount(interval)
            return .ping
        }
        return .none
    }

    /// When ``tick(_:now:lastSent:)`` is worth calling next.
    func nextDeadline(_ policy: ClockPolicy, lastSent: NIODeadline) -> NIODeadline {
        var next = min(self.expiry, self.nextPing)
        if let lifetime = policy.maximumLifetime { next = min(next, self.openedAt + TimeAmount(lifetime)) }
        if let idle = policy.idleTimeout { next = min(next, max(self.lastReceived, lastSent) + TimeAmount(idle)) }
        if let silence = policy.silenceLimit { next = min(next, self.lastReceived + TimeAmount(silence)) }
        return next
    }
}
