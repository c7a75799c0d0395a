public import NIOCore

/// The times of a lease, counted from its last renewal.
public struct LeaseTimes: Sendable, Hashable {
    /// When the holder asks for more.
    public var renewal: TimeAmount
    /// When the holder ends its backend softly, hearing nothing.
    public var softStop: TimeAmount
    /// When it kills it.
    public var hardStop: TimeAmount
    /// When the store may give the key to somebody else.
    public var expiry: TimeAmount

    public init(
        renewal: TimeAmount = .seconds(30),
        softStop: TimeAmount = .seconds(40),
        hardStop: TimeAmount = .seconds(50),
        expiry: TimeAmount = .seconds(60)
    ) {
        self.renewal = renewal
        self.softStop = softStop
        self.hardStop = hardStop
        self.expiry = expiry
    }
}

/// The holder's side of a lease: asks for renewals, and gives the backend up in time when none comes.
///
/// Times count from the moment at which the last granted request was *sent*: the store counts from a later one, when it
/// came. Nobody compares two clocks.
public struct LeaseHolder: Sendable {
    public enum Action: Sendable, Hashable {
        /// Ask the store; tell the answer with the time of the question.
        case renew
        case stop(TerminationKind)
    }

    private enum Phase { case holding, stopping, stopped }

    private let times: LeaseTimes
    private let retryInterval: TimeAmount
    private var renewedAt: NIODeadline
    private var nextRenewal: NIODeadline
    private var phase = Phase.holding

    /// - Parameter requested: When the acquisition was sent to the store.
    public init(
        times: LeaseTimes = LeaseTimes(),
        retryInterval: TimeAmount = .seconds(2),
        requestedAt requested: NIODeadline
    ) {
        self.times = times
        self.retryInterval = retryInterval
        self.renewedAt = requested
        self.nextRenewal = requested + times.renewal
    }

    /// Whether the backend may act as the holder of its key at this moment. To be asked before anything is done in its name:
    /// whoever slept through a deadline finds out here.
    public func isEntitled(at now: NIODeadline) -> Bool {
        self.phase != .stopped && now < self.renewedAt + self.times.hardStop
    }

    public mutating func tick(at now: NIODeadline) -> [Action] {
        if self.phase != .stopped, now >= self.renewedAt + self.times.hardStop {
            self.phase = .stopped
            return [.stop(.hard)]
        }
        guard self.phase == .holding else { return [] }
        if now >= self.renewedAt + self.times.softStop {
            self.phase = .stopping
            return [.stop(.soft)]
        }
        guard now >= self.nextRenewal else { return [] }
        self.nextRenewal = now + self.retryInterval
        return [.renew]
    }

    /// The store has granted a renewal.
    /// - Parameter requested: When it was asked for.
    public mutating func renewed(requestedAt requested: NIODeadline) {
        guard self.phase == .holding, requested > self.renewedAt else { return }
        self.renewedAt = requested
        self.nextRenewal = requested + self.times.renewal
    }

    /// The store has refused: the key is lost, or is to be.
    public mutating func refused() -> [Action] {
        guard self.phase == .holding else { return [] }
        self.phase = .stopping
        return [.stop(.soft)]
    }
}
