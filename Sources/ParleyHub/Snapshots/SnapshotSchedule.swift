internal import ParleyModel

/// When the snapshot of a topic is told: after each event, as long as that is little; in a tick in which it would be much, once
/// for all that still happens, at the end. And before that, where a line would be gone from the history before anybody saw it.
struct SnapshotSchedule: Equatable {
    /// The first event that no snapshot has shown; `nil` while nothing is to be told.
    private var firstUntold: UInt64?
    /// Bytes told in this tick, to all members together.
    private var tickBytes = 0
    /// What the last snapshot came to, and so about what the next one will.
    private var lastBytes = 0
    private var isInTick = false

    enum EventAction: Equatable {
        case tellNow
        case tellAtEndOfTick
        /// A snapshot is to be told already, and will show this as well.
        case none
    }

    enum DiscardAction: Equatable {
        /// What is about to be discarded has not been seen: tell a snapshot first.
        case tellFirst
        case none
    }

    var isDue: Bool { self.firstUntold != nil }

    /// - Returns: Whether this is the first time since ``endTick()``, which is to be called at the end of the tick.
    mutating func beginTick() -> Bool {
        defer { self.isInTick = true }
        return !self.isInTick
    }

    /// Something happened that members are to see.
    /// - Parameters:
    ///   - offset: Of what happened.
    ///   - budget: Bytes of a tick's snapshots, all members together, up to which each event has its own.
    mutating func happened(at offset: UInt64, budget: Int) -> EventAction {
        guard self.firstUntold == nil else { return .none }
        self.firstUntold = offset
        return self.tickBytes + self.lastBytes <= budget ? .tellNow : .tellAtEndOfTick
    }

    /// The history is about to lose its publications up to `offset`.
    func discards(upTo offset: UInt64) -> DiscardAction {
        guard let firstUntold = self.firstUntold, firstUntold <= offset else { return .none }
        return .tellFirst
    }

    /// A snapshot has been told to all members.
    /// - Parameter bytes: Of all of them together.
    mutating func told(bytes: Int) {
        self.firstUntold = nil
        self.tickBytes += bytes
        self.lastBytes = bytes
    }

    mutating func endTick() {
        self.isInTick = false
        self.tickBytes = 0
    }
}
