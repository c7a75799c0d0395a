internal import NIOCore

/// The heartbeat of one session. Source: Engine.IO protocol, revision 4, "Heartbeat"; revision 3 has it the other way round.
///
/// In revision 4 the server pings `interval` after the last pong, and nothing but a pong within `timeout` keeps the session. In
/// revision 3 the client pings, and the session lives while pings are no further apart than both together.
public struct EngineHeartbeat: Equatable, Sendable {
    private enum State: Equatable {
        case pingDue(at: NIODeadline)
        case awaitingPong(until: NIODeadline)
        case awaitingPing(until: NIODeadline)
    }

    private var state: State

    init(_ revision: EngineRevision, _ configuration: EngineConfiguration, now: NIODeadline) {
        switch revision {
        case .four: self.state = .pingDue(at: now + configuration.pingInterval)
        case .three:
            self.state = .awaitingPing(until: now + configuration.pingInterval + configuration.pingTimeout)
        }
    }

    enum TickAction: Equatable {
        case none
        case sendPing
        case expired
    }

    /// - Parameter leaves: Whether a ping is on its way to the client at once, rather than when it polls next.
    mutating func tick(_ configuration: EngineConfiguration, now: NIODeadline, leaves: Bool) -> TickAction {
        switch self.state {
        case .pingDue(let due) where due <= now:
            // Timers are a little late, and late loops later: the client has its whole time from when it hears of the ping. One
            // that is not there to hear has it from when the ping was due, or half of it at least.
            let half = TimeAmount.nanoseconds(configuration.pingTimeout.nanoseconds / 2)
            self.state = .awaitingPong(
                until: leaves ? now + configuration.pingTimeout : max(due + configuration.pingTimeout, now + half)
            )
            return .sendPing
        case .awaitingPong(let until) where until <= now, .awaitingPing(let until) where until <= now:
            return .expired
        case .pingDue, .awaitingPong, .awaitingPing:
            return .none
        }
    }

    /// A `3` packet. An unsolicited one restarts the interval.
    mutating func receivedPong(_ configuration: EngineConfiguration, now: NIODeadline) {
        if case .awaitingPing = self.state { return }
        self.state = .pingDue(at: now + configuration.pingInterval)
    }

    /// A `2` packet of a client of revision 3.
    mutating func receivedPing(_ configuration: EngineConfiguration, now: NIODeadline) {
        guard case .awaitingPing = self.state else { return }
        self.state = .awaitingPing(until: now + configuration.pingInterval + configuration.pingTimeout)
    }

    /// The transport changed: a pong may be lost with the old one, so the client gets its whole time again.
    mutating func rearm(_ configuration: EngineConfiguration, now: NIODeadline) {
        if case .awaitingPong = self.state { self.state = .awaitingPong(until: now + configuration.pingTimeout) }
    }

    var deadline: NIODeadline {
        switch self.state {
        case .pingDue(let deadline), .awaitingPong(let deadline), .awaitingPing(let deadline): return deadline
        }
    }
}
