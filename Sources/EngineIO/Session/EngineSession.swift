public import NIOCore

/// The state machine of one Engine.IO session: which transport carries it, which requests are open, and when it is over.
///
/// It is told of requests, packets and the time, and says what to do. What waits for a poll is in its ``outbox``.
/// Source: Engine.IO protocol, revision 4; Engine.IO server specification §1.3 to §1.8.
public struct EngineSession: Sendable {
    public enum State: Equatable, Sendable {
        /// Long-polling carries it; `probe` says how far an upgrade has come.
        case polling(Probe)
        case webSocket
        /// The server has closed it, and the next poll is to be told; or the WebSocket, if an upgrade is about to end.
        case closing(until: NIODeadline, probe: Probe, EngineCloseReason)
        /// The client has closed it, and may have a poll on its way.
        case left(until: NIODeadline)
        case closed
    }

    /// An upgrade on its way.
    public enum Probe: Equatable, Sendable {
        case none
        /// A WebSocket is open, and has said nothing yet.
        case opened(until: NIODeadline)
        /// `3probe` was sent: polls are released now and again until the client has stopped polling and sends `5`.
        case answered(until: NIODeadline, release: NIODeadline)

        var deadline: NIODeadline? {
            switch self {
            case .none: return nil
            case .opened(let until), .answered(let until, _): return until
            }
        }
    }

    /// How far apart polls are released during an upgrade. Not at once: the client needs the time to read the answer to its
    /// probe, and would only poll again.
    static let releaseInterval = TimeAmount.milliseconds(100)

    public let revision: EngineRevision
    public private(set) var state: State
    /// What the next poll is answered with.
    public var outbox = PollingOutbox()
    public private(set) var hasHeldPoll = false
    private var isReceivingPost = false
    private var heartbeat: EngineHeartbeat
    /// Until when there must have been a poll, or a WebSocket.
    private var firstPollDeadline: NIODeadline?

    public init(
        revision: EngineRevision,
        transport: EngineConfiguration.Transport,
        configuration: EngineConfiguration,
        now: NIODeadline
    ) {
        self.revision = revision
        self.state = transport == .polling ? .polling(.none) : .webSocket
        self.heartbeat = EngineHeartbeat(revision, configuration, now: now)
        self.firstPollDeadline = transport == .polling ? now + configuration.firstPollTimeout : nil
    }

    /// The transport that requests must name; `nil` once the session is over.
    public var transport: EngineConfiguration.Transport? {
        switch self.state {
        case .polling, .closing: return .polling
        case .webSocket: return .webSocket
        case .left, .closed: return nil
        }
    }

    public var isOpen: Bool {
        switch self.state {
        case .polling, .webSocket: return true
        case .closing, .left, .closed: return false
        }
    }

    // MARK: Polls

    public enum PollAction: Equatable, Sendable {
        /// Answer with what the outbox holds, or with a noop.
        case answer
        /// Keep the request until there is something to say.
        case hold
        /// Another poll is held: refuse this one with 400, answer that one with a close packet; the session is over.
        case overlap
        /// Answer with this packet; the session is over.
        case answerAndEnd(EnginePacket)
        case unknownSession
    }

    /// A GET arrived.
    public mutating func pollBegan() -> PollAction {
        switch self.state {
        case .polling:
            guard !self.hasHeldPoll else {
                self.state = .closed
                return .overlap
            }
            self.firstPollDeadline = nil
            if !self.outbox.isEmpty { return .answer }
            self.hasHeldPoll = true
            return .hold
        case .closing(_, _, let reason):
            // The close packet comes alone: JavaScript clients act on it before they act on packets beside it, and would take a
            // goodbye for a lost connection.
            guard self.outbox.isEmpty else { return .answer }
            self.state = .closed
            return .answerAndEnd(reason.packet)
        case .left:
            self.state = .closed
            return .answerAndEnd(EnginePacket(.noop))
        case .webSocket, .closed:
            return .unknownSession
        }
    }

    /// Something was put into the outbox.
    /// - Returns: Whether a held poll is to be answered now.
    public mutating func outboxGrew() -> Bool {
        guard self.hasHeldPoll, !self.outbox.isEmpty else { return false }
        self.hasHeldPoll = false
        return true
    }

    /// The client dropped the connection of a held poll.
    /// - Returns: Whether that ends the session, with ``EngineCloseReason/transportError``.
    public mutating func pollDropped() -> Bool {
        guard self.hasHeldPoll else { return false }
        self.hasHeldPoll = false
        guard case .polling = self.state else { return false }
        self.state = .closed
        return true
    }

    // MARK: Posts

    public enum PostAction: Equatable, Sendable {
        case receive
        /// Another one is still being received: 400, and the session is over.
        case overlap
        case unknownSession
    }

    /// The head of a POST arrived.
    public mutating func postBegan() -> PostAction {
        switch self.state {
        case .polling:
            guard !self.isReceivingPost else { return .overlap }
            self.isReceivingPost = true
            return .receive
        case .closing:
            return .receive
        case .webSocket, .left, .closed:
            return .unknownSession
        }
    }

    /// The body of a POST is complete, or was refused.
    public mutating func postEnded() {
        self.isReceivingPost = false
    }

    // MARK: Packets

    public enum ReceiveAction: Equatable, Sendable {
        case none
        case message(ByteBuffer, isBinary: Bool)
        /// Answer a ping of revision 3 with a pong of the same payload.
        case sendPong(ByteBuffer)
        /// The client closed the session.
        case ended(EngineCloseReason)
    }

    /// A packet of the session's own transport.
    public mutating func received(
        _ packet: EnginePacket,
        _ configuration: EngineConfiguration,
        now: NIODeadline
    ) -> ReceiveAction {
        guard self.isOpen else {
            // A client that says goodbye need not be told any more.
            if case .closing = self.state, packet.kind == .close { return .ended(.transportClose) }
            return .none
        }
        switch packet.kind {
        case .message:
            return .message(packet.payload, isBinary: packet.isBinary)
        case .pong:
            self.heartbeat.receivedPong(configuration, now: now)
            return .none
        case .ping where self.revision == .three:
            self.heartbeat.receivedPing(configuration, now: now)
            return .sendPong(packet.payload)
        case .ping:
            return .ended(.transportError)
        case .close:
            return .ended(.transportClose)
        case .upgrade, .noop:
            return .none
        case .open:
            return .ended(.parseError)
        }
    }

    // MARK: Upgrade

    /// A WebSocket was opened for this session.
    /// - Returns: Whether it may try; otherwise it is closed, and the session goes on as it is.
    public mutating func probeBegan(_ configuration: EngineConfiguration, now: NIODeadline) -> Bool {
        guard self.state == .polling(.none) else { return false }
        self.firstPollDeadline = nil
        self.state = .polling(.opened(until: now + configuration.upgradeTimeout))
        return true
    }

    public enum ProbeAction: Equatable, Sendable {
        /// Send `3probe` on the WebSocket.
        case answer
        /// The WebSocket carries the session from here: send what the outbox holds over it. With `releasesPoll`, the held poll
        /// is answered with a noop.
        case upgrade(releasesPoll: Bool)
        /// The same for a session that the server has closed meanwhile: send what the outbox holds, then close.
        case upgradeAndEnd
        /// Close the WebSocket; the session goes on polling.
        case close
    }

    /// A packet on the WebSocket that probes.
    public mutating func probeReceived(
        _ packet: EnginePacket,
        _ configuration: EngineConfiguration,
        now: NIODeadline
    ) -> ProbeAction {
        if case .closing(_, probe: .answered, _) = self.state, packet.kind == .upgrade {
            self.state = .closed
            return .upgradeAndEnd
        }
        guard case .polling(let probe) = self.state, let until = probe.deadline else { return .close }
        switch packet.kind {
        case .ping where !packet.isBinary && packet.payload == Self.probePayload:
            // As often as it is asked.
            self.state = .polling(.answered(until: until, release: now + Self.releaseInterval))
            return .answer
        case .upgrade:
            // Some clients do not probe, and have no poll open.
            self.state = .webSocket
            self.heartbeat.rearm(configuration, now: now)
            return .upgrade(releasesPoll: self.releaseHeldPoll())
        default:
            self.state = .polling(.none)
            return .close
        }
    }

    /// The WebSocket that probed is gone.
    public mutating func probeEnded() {
        switch self.state {
        case .polling: self.state = .polling(.none)
        case .closing(let until, _, let reason):
            self.state = .closing(until: until, probe: .none, reason)
        case .webSocket, .left, .closed: break
        }
    }

    /// Whether a client has been told that it may upgrade, and has not done so yet.
    public var isUpgrading: Bool {
        switch self.state {
        case .polling(.answered), .closing(_, probe: .answered, _): return true
        default: return false
        }
    }

    private mutating func releaseHeldPoll() -> Bool {
        defer { self.hasHeldPoll = false }
        return self.hasHeldPoll
    }

    /// Whether the client has neither polled nor opened a WebSocket yet.
    public var isUnused: Bool { self.firstPollDeadline != nil }

    /// What probes carry in both directions.
    public static let probePayload = ByteBuffer(string: "probe")

    // MARK: The end

    public enum CloseAction: Equatable, Sendable {
        /// Put this packet into the outbox and answer the held poll; the session is over.
        case answerHeldPoll(EnginePacket)
        /// The next poll is told; until then the session is remembered.
        case awaitPoll
        /// Close the WebSocket; the session is over.
        case closeWebSocket
        case none
    }

    /// The server closes the session, and lets the client know.
    public mutating func close(
        _ reason: EngineCloseReason,
        _ configuration: EngineConfiguration,
        now: NIODeadline
    ) -> CloseAction {
        switch self.state {
        case .polling(let probe):
            if self.releaseHeldPoll() {
                self.state = .closed
                return .answerHeldPoll(reason.packet)
            }
            // A client whose probe was answered has stopped polling, and comes by the WebSocket.
            var remaining = Probe.none
            if case .answered = probe { remaining = probe }
            self.state = .closing(until: now + configuration.closeTimeout, probe: remaining, reason)
            return .awaitPoll
        case .webSocket:
            self.state = .closed
            return .closeWebSocket
        case .closing, .left, .closed:
            return .none
        }
    }

    /// The client has closed the session by a packet.
    /// - Returns: Whether a poll that is on its way should still find it, to be answered like one that was held.
    public mutating func leave(_ configuration: EngineConfiguration, now: NIODeadline) -> Bool {
        guard case .polling = self.state, !self.hasHeldPoll else { return false }
        self.state = .left(until: now + configuration.farewellTime)
        return true
    }

    /// The session is over, whatever the client hears of it.
    /// - Returns: Whether a held poll is to be answered with a noop.
    public mutating func end() -> Bool {
        self.state = .closed
        return self.releaseHeldPoll()
    }

    // MARK: Time

    public enum TickAction: Equatable, Sendable {
        case none
        case sendPing
        /// No pong came in time: the session is over.
        case pingTimeout
        /// The client has never polled: the session is over.
        case neverPolled
        /// Answer the held poll with a noop, so that the upgrade gets on.
        case releasePoll
        /// The upgrade took too long: close the WebSocket that probes.
        case closeProbe
        /// Nobody polled to be told of the end: forget the session.
        case forget
    }

    /// What is due. Call again until it returns ``TickAction/none``.
    public mutating func tick(_ configuration: EngineConfiguration, now: NIODeadline) -> TickAction {
        switch self.state {
        case .closed: return .none
        case .closing(let until, let probe, _):
            guard min(until, probe.deadline ?? .distantFuture) <= now else { return .none }
            self.state = .closed
            return .forget
        case .left(let until):
            guard until <= now else { return .none }
            self.state = .closed
            return .forget
        case .polling(let probe):
            if let deadline = self.firstPollDeadline, deadline <= now { return .neverPolled }
            if let deadline = probe.deadline, deadline <= now {
                self.state = .polling(.none)
                return .closeProbe
            }
            if case .answered(let until, let release) = probe, release <= now {
                let late = (now - release).nanoseconds % Self.releaseInterval.nanoseconds
                self.state = .polling(.answered(until: until, release: now - .nanoseconds(late) + Self.releaseInterval))
                if self.releaseHeldPoll() { return .releasePoll }
            }
        case .webSocket:
            break
        }
        let leaves = self.hasHeldPoll || self.state == .webSocket
        switch self.heartbeat.tick(configuration, now: now, leaves: leaves) {
        case .none: return .none
        case .sendPing: return .sendPing
        case .expired: return .pingTimeout
        }
    }

    /// When ``tick(_:now:)`` is worth calling next.
    public var deadline: NIODeadline {
        switch self.state {
        case .closed: return .distantFuture
        case .closing(let until, let probe, _): return min(until, probe.deadline ?? .distantFuture)
        case .left(let until): return until
        case .polling(let probe):
            var deadline = min(self.heartbeat.deadline, self.firstPollDeadline ?? .distantFuture)
            if let probe = probe.deadline { deadline = min(deadline, probe) }
            if self.hasHeldPoll, case .answered(_, let release) = probe { deadline = min(deadline, release) }
            return deadline
        case .webSocket: return self.heartbeat.deadline
        }
    }
}
