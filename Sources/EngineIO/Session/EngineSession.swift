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
        case closing(until: NIODeadline, probe: Probe)
        case closed
    }

    /// An upgrade on its way.
    public enum Probe: Equatable, Sendable {
        case none
        /// A WebSocket is open, and has said nothing yet.
        case opened(until: NIODeadline)
        /// `3probe` was sent: polls are released until the client has stopped polling and sends `5`.
        case answered(until: NIODeadline)

        var deadline: NIODeadline? {
            switch self {
            case .none: return nil
            case .opened(let until), .answered(let until): return until
            }
        }
    }

    public let revision: EngineRevision
    public private(set) var state: State
    /// What the next poll is answered with.
    public var outbox = PollingOutbox()
    public private(set) var hasHeldPoll = false
    private var isReceivingPost = false
    private var heartbeat: EngineHeartbeat

    public init(
        revision: EngineRevision,
        transport: EngineConfiguration.Transport,
        configuration: EngineConfiguration,
        now: NIODeadline
    ) {
        self.revision = revision
        self.state = transport == .polling ? .polling(.none) : .webSocket
        self.heartbeat = EngineHeartbeat(revision, configuration, now: now)
    }

    /// The transport that requests must name; `nil` once the session is over.
    public var transport: EngineConfiguration.Transport? {
        switch self.state {
        case .polling, .closing: return .polling
        case .webSocket: return .webSocket
        case .closed: return nil
        }
    }

    public var isOpen: Bool {
        switch self.state {
        case .polling, .webSocket: return true
        case .closing, .closed: return false
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
        /// Answer with a close packet; the session is over.
        case answerAndEnd
        case unknownSession
    }

    /// A GET arrived.
    public mutating func pollBegan() -> PollAction {
        switch self.state {
        case .polling(let probe):
            guard !self.hasHeldPoll else {
                self.state = .closed
                return .overlap
            }
            if case .answered = probe { return .answer }
            if !self.outbox.isEmpty { return .answer }
            self.hasHeldPoll = true
            return .hold
        case .closing:
            // The close packet comes alone: JavaScript clients act on it before they act on packets beside it, and would take a
            // goodbye for a lost connection.
            guard self.outbox.isEmpty else { return .answer }
            self.state = .closed
            return .answerAndEnd
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
        case .webSocket, .closed:
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
        self.state = .polling(.opened(until: now + configuration.upgradeTimeout))
        return true
    }

    public enum ProbeAction: Equatable, Sendable {
        /// Send `3probe` on the WebSocket. With `releasesPoll`, answer the held poll with what is there, or a noop.
        case answer(releasesPoll: Bool)
        /// The WebSocket carries the session from here: send what the outbox holds over it.
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
        if case .closing(_, probe: .answered) = self.state, packet.kind == .upgrade {
            self.state = .closed
            return .upgradeAndEnd
        }
        guard case .polling(let probe) = self.state else { return .close }
        switch (probe, packet.kind) {
        case (.opened(let until), .ping) where !packet.isBinary && packet.payload == Self.probePayload:
            self.state = .polling(.answered(until: until))
            return .answer(releasesPoll: self.releaseHeldPoll())
        case (.answered, .upgrade):
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
        case .closing(let until, _): self.state = .closing(until: until, probe: .none)
        case .webSocket, .closed: break
        }
    }

    /// Whether a client has been told that it may upgrade, and has not done so yet.
    public var isUpgrading: Bool {
        switch self.state {
        case .polling(.answered), .closing(_, probe: .answered): return true
        default: return false
        }
    }

    private mutating func releaseHeldPoll() -> Bool {
        defer { self.hasHeldPoll = false }
        return self.hasHeldPoll
    }

    /// What probes carry in both directions.
    public static let probePayload = ByteBuffer(string: "probe")

    // MARK: The end

    public enum CloseAction: Equatable, Sendable {
        /// Put a close packet into the outbox and answer the held poll; the session is over.
        case answerHeldPoll
        /// The next poll is told; until then the session is remembered.
        case awaitPoll
        /// Close the WebSocket; the session is over.
        case closeWebSocket
        case none
    }

    /// The server closes the session, and lets the client know.
    public mutating func close(_ configuration: EngineConfiguration, now: NIODeadline) -> CloseAction {
        switch self.state {
        case .polling(let probe):
            if self.releaseHeldPoll() {
                self.state = .closed
                return .answerHeldPoll
            }
            // A client whose probe was answered has stopped polling, and comes by the WebSocket.
            var remaining = Probe.none
            if case .answered = probe { remaining = probe }
            self.state = .closing(until: now + configuration.closeTimeout, probe: remaining)
            return .awaitPoll
        case .webSocket:
            self.state = .closed
            return .closeWebSocket
        case .closing, .closed:
            return .none
        }
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
        /// The upgrade took too long: close the WebSocket that probes.
        case closeProbe
        /// Nobody polled to be told of the end: forget the session.
        case forget
    }

    /// What is due. Call again until it returns ``TickAction/none``.
    public mutating func tick(_ configuration: EngineConfiguration, now: NIODeadline) -> TickAction {
        switch self.state {
        case .closed: return .none
        case .closing(let until, let probe):
            guard min(until, probe.deadline ?? .distantFuture) <= now else { return .none }
            self.state = .closed
            return .forget
        case .polling(let probe):
            if let deadline = probe.deadline, deadline <= now {
                self.state = .polling(.none)
                return .closeProbe
            }
        case .webSocket:
            break
        }
        switch self.heartbeat.tick(configuration, now: now) {
        case .none: return .none
        case .sendPing: return .sendPing
        case .expired: return .pingTimeout
        }
    }

    /// When ``tick(_:now:)`` is worth calling next.
    public var deadline: NIODeadline {
        switch self.state {
        case .closed: return .distantFuture
        case .closing(let until, let probe): return min(until, probe.deadline ?? .distantFuture)
        case .polling(let probe): return min(self.heartbeat.deadline, probe.deadline ?? .distantFuture)
        case .webSocket: return self.heartbeat.deadline
        }
    }
}
