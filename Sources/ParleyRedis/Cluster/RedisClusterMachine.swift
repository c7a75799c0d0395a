package import NIOCore
package import RESP

/// Knows who has which slot, and asks around when that is in doubt.
package struct RedisClusterMachine: Sendable {
    package enum Action: Equatable, Sendable {
        /// `CLUSTER SLOTS`
        case askForSlots(RedisAddress)
        /// The map is another than before, or is known again; what waits or is subscribed may have to move.
        case changed
        /// Nobody could be asked; it will be tried again.
        case failed(RedisError)
    }

    private enum Refresh: Equatable {
        /// It is as good as can be known.
        case idle(until: NIODeadline)
        case due(at: NIODeadline)
        /// That node was asked, after so many others in this round.
        case asking(RedisAddress, others: Int)
    }

    /// The map is asked for so often when nothing seems wrong.
    package static let interval = TimeAmount.seconds(30)
    /// And at least this much apart when something does: a slot that moves makes many errors.
    package static let pause = TimeAmount.milliseconds(200)

    private let seeds: [RedisAddress]
    package private(set) var map = RedisSlotMap()
    private var refresh: Refresh
    /// Whom to ask next.
    private var turn = 0
    /// A round has begun anew while one was under way, which may have heard of the state before.
    private var isDoubtful = false
    /// Whether it has been told that nobody could be asked.
    private var hasFailed = false
    private var outbox = CircularBuffer<Action>()
    /// When somebody was asked last.
    private var askedAt: NIODeadline?

    package init(seeds: [RedisAddress], now: NIODeadline) {
        self.seeds = seeds
        self.refresh = .due(at: now)
    }

    /// - Parameter slot: `nil`: any node.
    /// - Returns: `nil` when nobody is known.
    package func node(for slot: RedisSlot?) -> RedisAddress? {
        slot.map { self.map[$0] } ?? self.map.nodes.first
    }

    // MARK: Events

    /// An answer has said that a slot is elsewhere.
    package mutating func moved(_ slot: RedisSlot, to address: RedisAddress, now: NIODeadline) {
        guard self.map[slot] != address else { return }
        self.map.assign(slot, to: address)
        self.outbox.append(.changed)
        self.doubt(now: now)
    }

    /// Something does not fit the map: a node is gone, a slot has nobody.
    package mutating func doubt(now: NIODeadline) {
        switch self.refresh {
        case .idle: self.refresh = .due(at: max(now, (self.askedAt ?? .distantPast) + Self.pause))
        case .due: break
        case .asking: self.isDoubtful = true
        }
    }

    package mutating func answered(_ answer: RESPValue, by address: RedisAddress, now: NIODeadline) {
        guard case .asking(address, let others) = self.refresh else { return }
        guard let map = RedisSlotMap(answer: answer, from: address) else {
            // One that has left the cluster knows nothing of it, or says why not.
            let reason = answer.error.map { ": \($0.shown)" } ?? ""
            let error = RedisError(.unavailable, "\(address) knows nothing of the slots of a cluster\(reason)")
            return self.next(after: address, others: others, error, now: now)
        }
        self.refresh = self.isDoubtful ? .due(at: now + Self.pause) : .idle(until: now + Self.interval)
        self.isDoubtful = false
        // It was a good one to ask.
        self.turn -= 1
        guard map != self.map || self.hasFailed else { return }
        self.hasFailed = false
        self.map = map
        self.outbox.append(.changed)
    }

    package mutating func failed(_ error: RedisError, at address: RedisAddress, now: NIODeadline) {
        guard case .asking(address, let others) = self.refresh else { return }
        self.next(after: address, others: others, error, now: now)
    }

    private mutating func next(after address: RedisAddress, others: Int, _ error: RedisError, now: NIODeadline) {
        guard others + 1 < self.candidates.count else {
            self.refresh = .due(at: now + Self.pause)
            self.hasFailed = true
            self.outbox.append(.failed(error))
            return
        }
        self.ask(others: others + 1, now: now)
    }

    package var deadline: NIODeadline? {
        switch self.refresh {
        case .idle(let until): until
        case .due(let at): at
        case .asking: nil
        }
    }

    package mutating func tick(now: NIODeadline) {
        guard let deadline = self.deadline, deadline <= now else { return }
        self.ask(others: 0, now: now)
    }

    private mutating func ask(others: Int, now: NIODeadline) {
        let candidates = self.candidates
        let address = candidates[((self.turn % candidates.count) + candidates.count) % candidates.count]
        self.turn += 1
        self.askedAt = now
        self.refresh = .asking(address, others: others)
        self.outbox.append(.askForSlots(address))
    }

    /// Those that have slots, and those that were named at first: after a long absence only they may be left.
    private var candidates: [RedisAddress] {
        self.map.nodes + self.seeds.filter { !self.map.nodes.contains($0) }
    }

    package mutating func next() -> Action? { self.outbox.popFirst() }
}
