package import NIOCore
package import RESP

/// A connection that is made again whenever it ends, and holds for a while what is asked of it meanwhile.
///
/// Events are methods; what is to be done comes out of ``next(now:)``. Each attempt to connect has a number, and what is told of an
/// attempt that is over changes nothing. A command that was written to a connection is never written to the next one.
package struct RedisLinkMachine<Waiter> {
    package struct Settings: Sendable {
        package var connection = RedisConnectionMachine<Waiter>.Settings()
        package var backoff = RedisBackoff()
        package var holdTime = TimeAmount.seconds(5)
        package var maximumWaitingCommands = 65_536
        package var maximumWaitingBytes = 64 * 1024 * 1024
        /// Whether a server that turns out to be a node of a cluster is none for this link.
        package var leavesClusters = false
        /// In messages: where it leads.
        package var name = ""

        package init() {}
    }

    package enum Action {
        /// Connect, and tell how it went under this number.
        case connect(attempt: Int)
        /// End the connection with this number.
        case disconnect(attempt: Int)
        /// To the connection that there is.
        case write(ByteBuffer)
        case up(RedisServerIdentity)
        /// There is no connection, be it that one has ended or that none could be made. When the server was last heard of, if it was.
        case down(RedisError, retryIn: TimeAmount, heardAt: NIODeadline?)
        case answer(RESPValue, Waiter, roundTrip: TimeAmount)
        case fail(RedisError, Waiter)
        case message(RedisMessage)
        case subscribed(RedisChannel)
        case unsubscribed(RedisChannel)
        case refused(RedisSubscriptionOrder, RESPErrorReply)
        /// The server is a node of a cluster, and this link has ended: who waits goes elsewhere.
        case foundCluster([Waiter])
    }

    private enum Phase {
        case idle
        case waiting(until: NIODeadline)
        case connecting(until: NIODeadline)
        case connected
        case closed
    }

    private struct Held {
        let bytes: ByteBuffer
        let waiter: Waiter
        let asking: Bool
        let deadline: NIODeadline
    }

    private let settings: Settings
    private var random: RedisChance
    private var phase = Phase.idle
    /// There is one in the phase `connected` and in no other.
    private var connection: RedisConnectionMachine<Waiter>?
    private var attempt = 0
    private var failures = 0
    private var upSince: NIODeadline?
    private var lastError: RedisError?
    private var held = CircularBuffer<Held>()
    private var heldBytes = 0
    private var outbox = CircularBuffer<Action>()
    /// How often a connection that was up has been lost.
    package private(set) var losses = 0

    /// - Parameter seed: Of the chance by which attempts to connect are spread.
    package init(_ settings: Settings, seed: UInt64) {
        self.settings = settings
        self.random = RedisChance(seed: seed)
    }

    package var isUp: Bool { self.connection?.isReady == true }

    /// Whether it waits before it tries again to connect.
    package var isInBackoff: Bool {
        if case .waiting = self.phase { true } else { false }
    }

    package var waitingCount: Int { self.held.count + (self.connection?.waitingCount ?? 0) }
    package var waitingBytes: Int { self.heldBytes + (self.connection?.waitingBytes ?? 0) }

    // MARK: Asking

    package mutating func send(_ command: ByteBuffer, _ waiter: Waiter, asking: Bool = false, now: NIODeadline) {
        if case .closed = self.phase {
            self.outbox.append(.fail(RedisError(.closed, "the client of Redis has been closed"), waiter))
            return
        }
        guard self.waitingCount < self.settings.maximumWaitingCommands,
            self.waitingBytes + command.readableBytes <= self.settings.maximumWaitingBytes
        else {
            self.outbox.append(.fail(self.queueFull, waiter))
            return
        }
        if self.isUp {
            self.connection?.send(command, waiter, asking: asking, now: now)
            return
        }
        let deadline = now + self.settings.holdTime
        self.held.append(Held(bytes: command, waiter: waiter, asking: asking, deadline: deadline))
        self.heldBytes += command.readableBytes
        self.start(now: now)
    }

    private var queueFull: RedisError {
        RedisError(
            .queueFull,
            "\(self.waitingCount) commands of \(self.waitingBytes) bytes wait for \(self.settings.name) already; "
                + "at most \(self.settings.maximumWaitingCommands) of \(self.settings.maximumWaitingBytes) bytes may"
        )
    }

    /// Only while the link is up: what is subscribed to is somebody else's to remember.
    package mutating func send(_ order: RedisSubscriptionOrder, now: NIODeadline) {
        self.connection?.send(order, now: now)
    }

    // MARK: The connection

    /// Connects, unless that has been done.
    package mutating func start(now: NIODeadline) {
        guard case .idle = self.phase else { return }
        self.connect(now: now)
    }

    private mutating func connect(now: NIODeadline) {
        self.attempt += 1
        self.phase = .connecting(until: now + self.settings.connection.connectTimeout)
        self.outbox.append(.connect(attempt: self.attempt))
    }

    package mutating func connected(attempt: Int, now: NIODeadline) {
        guard attempt == self.attempt, case .connecting = self.phase else {
            self.outbox.append(.disconnect(attempt: attempt))
            return
        }
        self.phase = .connected
        self.connection = RedisConnectionMachine(self.settings.connection, now: now)
    }

    package mutating func failedToConnect(attempt: Int, _ error: RedisError, now: NIODeadline) {
        guard attempt == self.attempt, case .connecting = self.phase else { return }
        self.down(error, now: now)
    }

    package mutating func received(_ bytes: ByteBuffer, attempt: Int, now: NIODeadline) {
        guard attempt == self.attempt else { return }
        self.connection?.received(bytes, now: now)
    }

    /// A connection has ended by itself.
    package mutating func closed(attempt: Int, _ error: RedisError?) {
        guard attempt == self.attempt else { return }
        self.connection?.closed(error)
    }

    /// Ends the connection, if there is one, and makes another at once: the server is not the right one any more.
    package mutating func reconnect(_ error: RedisError, now: NIODeadline) {
        switch self.phase {
        case .idle, .closed: return
        case .connected: self.connection?.closed(error)
        case .connecting:
            self.outbox.append(.disconnect(attempt: self.attempt))
            self.connect(now: now)
        case .waiting:
            self.connect(now: now)
        }
        self.failures = 0
    }

    private mutating func down(_ error: RedisError, now: NIODeadline) {
        if let since = self.upSince {
            self.losses += 1
            // One that is lost again and again as soon as it is up is as bad as one that cannot be made.
            if now - since > self.settings.backoff.longest { self.failures = 0 }
        }
        let heardAt = self.upSince == nil ? nil : self.connection?.heardAt
        self.upSince = nil
        self.connection = nil
        self.lastError = error
        self.failures += 1
        let delay = self.settings.backoff.delay(afterFailures: self.failures, chance: self.random.next())
        self.phase = .waiting(until: now + delay)
        self.outbox.append(.down(error, retryIn: delay, heardAt: heardAt))
    }

    /// Ends everything; what waits fails.
    package mutating func close() {
        if case .closed = self.phase { return }
        let error = RedisError(.closed, "the client of Redis has been closed")
        self.outbox.append(.disconnect(attempt: self.attempt))
        if var connection = self.connection {
            connection.closed(error)
            while let action = connection.next(now: .distantPast) {
                if case .fail(let error, let waiter) = action { self.outbox.append(.fail(error, waiter)) }
            }
        }
        self.connection = nil
        self.phase = .closed
        for held in self.takeHeld() { self.outbox.append(.fail(error, held.waiter)) }
    }

    /// - Returns: Who waits for a connection; nothing of theirs was sent, and nothing more is done for them here.
    package mutating func release() -> [Waiter] { self.takeHeld().map(\.waiter) }

    private mutating func takeHeld() -> CircularBuffer<Held> {
        let held = self.held
        self.held = CircularBuffer()
        self.heldBytes = 0
        return held
    }

    // MARK: Time

    /// When ``tick(now:)`` must be called at the latest.
    package var deadline: NIODeadline? {
        let phase: NIODeadline? =
            switch self.phase {
            case .idle, .closed: nil
            case .waiting(let until), .connecting(let until): until
            case .connected: self.connection?.deadline
            }
        // All are held equally long: the first is the first to fail.
        return [phase, self.held.first?.deadline].compactMap { $0 }.min()
    }

    package mutating func tick(now: NIODeadline) {
        while let first = self.held.first, first.deadline <= now {
            self.held.removeFirst()
            self.heldBytes -= first.bytes.readableBytes
            let reason = self.lastError.map { ": \($0.description)" } ?? ""
            let time = self.settings.holdTime.sentence
            let sentence = "there was no connection to \(self.settings.name) for \(time)\(reason)"
            self.outbox.append(.fail(RedisError(.connectionLost, sentence), first.waiter))
        }
        switch self.phase {
        case .idle, .closed: return
        case .waiting(let until):
            if until <= now { self.connect(now: now) }
        case .connecting(let until):
            guard until <= now else { return }
            self.outbox.append(.disconnect(attempt: self.attempt))
            let time = self.settings.connection.connectTimeout.sentence
            self.down(RedisError(.timedOut, "\(self.settings.name) was not reached within \(time)"), now: now)
        case .connected:
            self.connection?.tick(now: now)
        }
    }

    // MARK: Acting

    package mutating func next(now: NIODeadline) -> Action? {
        while true {
            if let action = self.outbox.popFirst() { return action }
            guard let action = self.connection?.next(now: now) else { return nil }
            switch action {
            case .write(let bytes): return .write(bytes)
            case .answer(let value, let waiter, let roundTrip): return .answer(value, waiter, roundTrip: roundTrip)
            case .message(let message): return .message(message)
            case .fail(let error, let waiter): return .fail(error, waiter)
            case .subscribed(let channel): return .subscribed(channel)
            case .unsubscribed(let channel): return .unsubscribed(channel)
            case .refused(let order, let error): return .refused(order, error)
            case .ready(let identity): self.ready(identity, now: now)
            case .close(let error): self.end(error, now: now)
            }
        }
    }

    private mutating func ready(_ identity: RedisServerIdentity, now: NIODeadline) {
        if self.settings.leavesClusters, identity.mode == .cluster {
            self.outbox.append(.foundCluster(self.takeHeld().map(\.waiter)))
            self.outbox.append(.disconnect(attempt: self.attempt))
            self.connection = nil
            self.phase = .closed
            return
        }
        self.upSince = now
        self.lastError = nil
        self.outbox.append(.up(identity))
        for held in self.takeHeld() {
            self.connection?.send(held.bytes, held.waiter, asking: held.asking, now: now)
        }
    }

    /// The connection says that it is over, and then who has waited in vain.
    private mutating func end(_ error: RedisError, now: NIODeadline) {
        self.outbox.append(.disconnect(attempt: self.attempt))
        while let action = self.connection?.next(now: now) {
            if case .fail(let error, let waiter) = action { self.outbox.append(.fail(error, waiter)) }
        }
        self.down(error, now: now)
    }
}
