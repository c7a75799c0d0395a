package import EngineIO
internal import Logging
package import NIOCore
package import ParleyHub
package import ParleyModel
internal import SocketIO

/// Drives one Engine.IO session: requests and frames to its machine, and what that says to hub, transports and the session's user.
///
/// Confined to its event loop. It decides nothing: the rules are ``EngineSession``'s.
package final class EngineConnection {
    package let host: EngineHost
    package let shard: Shard
    package let request: ConnectionRequest
    package let sessionID: String
    package var session: EngineSession
    /// Who is given the messages; `nil` before the session is open, and when it is over.
    private(set) var user: (any EngineUser)?
    /// What the hub knows of it; `nil` once it is over.
    private(set) var hubConnection: Connection?
    private(set) var id: ConnectionID
    var webSocket: (any EngineWebSocketDriver)?
    var probe: (any EngineWebSocketDriver)?
    var heldPoll: ExchangeID?
    /// Its place among the sessions that poll.
    var place: PollingPlaces.Place?
    /// When a poll last took something out.
    var lastTaken: NIODeadline
    /// What the process knows to wait for its polls; `nil`: nothing.
    private var holding: MemoryLedger.Holding?
    /// What one answer to a poll may hold.
    let pollLimit: PollingOutbox.Limit
    private let openedAt: NIODeadline
    /// Whether a client of revision 3 asked for text only.
    let wantsBase64: Bool

    /// - Parameter driver: The WebSocket that the session begins with; `nil` for long-polling.
    package init(
        host: EngineHost,
        shard: Shard,
        request: ConnectionRequest,
        sessionID: String,
        driver: (any EngineWebSocketDriver)?,
        place: PollingPlaces.Place?
    ) {
        let configuration = host.configuration
        let query = request.query
        let now = shard.eventLoop.now
        self.host = host
        self.shard = shard
        self.request = request
        self.sessionID = sessionID
        self.wantsBase64 = query.wantsBase64
        self.session = EngineSession(
            revision: query.revision,
            transport: driver == nil ? .polling : .webSocket,
            configuration: configuration.engine,
            now: now
        )
        self.webSocket = driver
        self.place = place
        self.lastTaken = now
        self.openedAt = now
        self.pollLimit = Self.pollLimit(configuration.engine, query.revision, request)
        self.id = ConnectionID(shard: 0, slot: 0, generation: 0)
        let connection = shard.open(
            dialect: host.site.dialect,
            format: host.site.formats.id(of: driver?.formatKind ?? .polling),
            policy: SlowConsumerPolicy(maximumBytes: configuration.maximumQueuedBytes),
            delegate: driver ?? self
        )
        self.id = connection.id
        self.hubConnection = connection
        driver?.attach(connection)
    }

    private static func pollLimit(
        _ configuration: EngineConfiguration,
        _ revision: EngineRevision,
        _ request: ConnectionRequest
    ) -> PollingOutbox.Limit {
        var limit = PollingOutbox.Limit(bytes: configuration.maximumPayloadBytes)
        if configuration.packetCap.concerns(userAgent: request.header("User-Agent")) {
            limit.packets = max(2, configuration.maximumPacketsPerPoll)
        } else if revision == .three {
            // Written one by one.
            limit.packets = 1024
        }
        return limit
    }

    /// Makes the session known, and says hello.
    package func open() -> Bool {
        guard self.host.register(self.sessionID, self.id) else { return false }
        self.log("Connection opened", ["address": "\(self.request.remoteAddress ?? "-")"])
        let hello = EngineOpenPacket(
            sessionID: self.sessionID,
            transport: self.webSocket == nil ? .polling : .webSocket,
            configuration: self.host.configuration.engine
        )
        self.send(.open, hello.json)
        if let place {
            let (host, id) = (self.host, self.id)
            place.awaitsPoll {
                host.site.hub.post(EngineCommand.close(id, .transportError), for: host.part, to: Int(id.shard))
            }
        }
        let user = self.host.application.makeUser(of: self)
        self.user = user
        user.opened()
        self.scheduleWake()
        return true
    }

    package var bufferedBytes: Int {
        self.webSocket?.bufferedBytes ?? self.session.outbox.byteCount
    }

    // MARK: In

    func received(_ packet: EnginePacket) {
        let now = self.shard.eventLoop.now
        switch self.session.received(packet, self.host.configuration.engine, now: now) {
        case .none:
            if packet.kind == .pong { self.scheduleWake() }
        case .message(let payload, let isBinary):
            self.shard.metrics.receivedMessages += 1
            self.user?.received(payload, isBinary: isBinary)
        case .sendPong(let payload):
            self.sendHeartbeat(.pong, payload)
            self.scheduleWake()
        case .ended(.transportClose):
            // A `1` packet: the client goes by itself.
            if self.session.leave(self.host.configuration.engine, now: now) { return self.awaitFarewell() }
            if self.session.end() {
                self.session.outbox.append(.noop)
                self.answerHeldPoll()
            }
            self.webSocket?.close(.normal)
            self.finish(.transportClose)
        case .ended(let reason):
            self.close(reason)
        }
    }

    // MARK: Out

    /// Sends a packet of Engine.IO's own.
    func send(_ kind: EnginePacket.Kind, _ payload: ByteBuffer? = nil, isBinary: Bool = false) {
        guard let connection = self.hubConnection else { return }
        self.shard.send(to: connection) {
            self.host.site.formats.write(kind, payload, isBinary: isBinary, as: connection.format, into: &$0)
        }
    }

    /// Sends a ping or pong, past everything that waits for a poll: a client must not be lost for being sent much.
    func sendHeartbeat(_ kind: EnginePacket.Kind, _ payload: ByteBuffer? = nil) {
        guard self.session.transport == .polling else { return self.send(kind, payload) }
        self.session.outbox.putHeartbeat(kind, payload)
        if self.session.outboxGrew() { self.answerHeldPoll() } else { self.accountForOutbox() }
    }

    /// Sends a packet of Socket.IO to this connection alone.
    func send(_ packet: EncodedPacket, compresses: Bool = true) {
        guard let connection = self.hubConnection, self.session.isOpen else { return }
        self.shard.send(to: connection) {
            self.host.site.formats.write(packet, compresses: compresses, as: connection.format, into: &$0)
        }
    }

    /// Whether the hub still knows it.
    var isKnown: Bool { self.hubConnection != nil }

    var isTransportWritable: Bool { self.hubConnection?.delegate?.isWritable ?? false }

    func subscribe(to topic: TopicKey) {
        if let connection = self.hubConnection { self.shard.subscribe(connection, to: topic) }
    }

    func unsubscribe(from topic: TopicKey) {
        if let connection = self.hubConnection { self.shard.unsubscribe(connection, from: topic) }
    }

    func openInbox(_ topic: TopicKey) {
        if let connection = self.hubConnection { self.shard.openInbox(topic, for: connection) }
    }

    /// Everything that waited has been sent.
    package func drained() { self.user?.drained() }

    // MARK: The end

    /// The server ends the session, and lets the client know.
    package func close(_ reason: EngineCloseReason, code: CloseReason = .normal) {
        guard self.session.isOpen else { return }
        self.user?.closed(reason)
        self.shard.flushNotes()
        let now = self.shard.eventLoop.now
        guard reason.isTold || self.session.transport == .webSocket else { return self.endPolling() }
        if reason == .slowConsumer { self.discardOutbox() }
        switch self.session.close(reason, self.host.configuration.engine, now: now) {
        case .answerHeldPoll(let lastWord):
            self.session.outbox.append(lastWord)
            self.answerHeldPoll(all: true)
            self.forget()
        case .awaitPoll:
            if let connection = self.hubConnection { self.shard.detach(connection) }
            // Where a client has stopped polling for its upgrade, the last words go by the WebSocket.
            if !self.session.isUpgrading || self.session.outbox.isEmpty { self.endProbe() }
            self.scheduleWake()
        case .closeWebSocket:
            let driver = self.webSocket
            self.forget()
            driver?.close(code)
        case .none:
            break
        }
    }

    /// Too much waits for the client.
    func closeSlowConsumer() {
        guard self.session.isOpen else { return self.clearOutbox() }
        self.shard.metrics.slowConsumerCloses += 1
        self.host.application.logger.info(
            "Session closed: more waits for its client than maximumQueuedBytes, and it fetches nothing",
            metadata: ["connection": "\(self.id)", "bytes": "\(self.session.outbox.byteCount)"]
        )
        self.close(.slowConsumer, code: .slowConsumer)
    }

    /// What a slow client did not fetch goes to nobody; an upgrade would be too late.
    private func discardOutbox() {
        self.clearOutbox()
        guard self.probe != nil else { return }
        self.session.probeEnded()
        self.endProbe()
    }

    /// The client has closed the session; the poll that it may have sent before is still answered.
    private func awaitFarewell() {
        self.user?.closed(.transportClose)
        self.endProbe()
        self.clearOutbox()
        if let connection = self.hubConnection { self.shard.detach(connection) }
        self.scheduleWake()
    }

    /// A session that failed is gone at once; who holds a poll is told.
    func endPolling() {
        if self.session.end() {
            self.session.outbox.append(.close)
            self.answerHeldPoll(all: true)
        }
        self.forget()
    }

    /// The session is over without another word.
    func finish(_ reason: EngineCloseReason) {
        self.user?.closed(reason)
        if self.session.end() { self.answerHeldPoll(all: true) }
        self.forget()
    }

    private func log(_ message: Logger.Message, _ facts: @autoclosure () -> Logger.Metadata) {
        let logger = self.host.application.logger
        guard logger.logLevel <= .debug else { return }
        var facts = facts()
        facts["connection"] = "\(self.id)"
        facts["dialect"] = "\(self.host.site.dialect.rawValue)"
        facts["transport"] = "\(self.webSocket == nil ? "polling" : "websocket")"
        logger.debug(message, metadata: facts)
    }

    /// Gives everything back.
    func forget() {
        if self.hubConnection != nil {
            let time = self.shard.eventLoop.now - self.openedAt
            self.log("Connection ended", ["seconds": .stringConvertible(Double(time.nanoseconds / 1_000_000) / 1000)])
        }
        self.host.forget(self.sessionID, self.id)
        let user = self.user
        self.user = nil
        user?.released()
        self.endProbe()
        self.clearOutbox()
        self.place = nil
        // A WebSocket still has its close frame to send, and lets go of the hub's connection when it ends.
        if self.webSocket == nil, let connection = self.hubConnection { self.shard.close(connection) }
        self.webSocket = nil
        self.hubConnection = nil
    }

    func endProbe() {
        let probe = self.probe
        self.probe = nil
        probe?.close(.normal)
    }

    // MARK: Time

    package func tick(_ now: NIODeadline) {
        self.shard.context.now = now
        ticking: while true {
            switch self.session.tick(self.host.configuration.engine, now: now) {
            case .none: break ticking
            case .sendPing: self.sendHeartbeat(.ping)
            case .pingTimeout: self.timedOut()
            case .neverPolled: self.close(.transportError)
            case .releasePoll: self.answerHeldPoll()
            case .closeProbe: self.endProbe()
            case .forget: self.forget()
            }
        }
        if let stall = self.stallDeadline, stall <= now { self.closeSlowConsumer() }
        self.user?.tick(now)
        self.scheduleWake()
    }

    /// No pong came. Nobody is there to be told, but a transport that still works is closed properly.
    func timedOut() {
        let driver = self.webSocket
        self.user?.closed(.pingTimeout)
        self.endPolling()
        driver?.close(.pingTimeout)
    }

    func scheduleWake() {
        guard let connection = self.hubConnection else { return }
        var deadline = self.session.deadline
        if self.session.isOpen {
            if let user { deadline = min(deadline, user.deadline) }
            if let stall = self.stallDeadline { deadline = min(deadline, stall) }
        }
        if deadline != .distantFuture { self.shard.wake(connection, at: deadline) }
    }
}

/// While it polls, the hub writes into its outbox.
extension EngineConnection: ConnectionDelegate, EngineConnectionHolder {
    package var engineConnection: EngineConnection? { self }

    package func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        // Not by its transport: what comes while it moves to a WebSocket goes there with the rest.
        guard self.session.transport != nil else { return }
        // What has come just now is not to be held against a reader, however much it is.
        let stall = self.stallDeadline
        for chunk in chunks { self.session.outbox.append(chunk) }
        if let stall, stall <= self.shard.context.now {
            self.shard.afterFlush { self.closeSlowConsumer() }
        } else if self.session.outboxGrew() {
            return self.shard.afterFlush { self.answerHeldPoll() }
        } else if stall == nil, self.stallDeadline != nil {
            self.shard.afterFlush { self.scheduleWake() }
        }
        self.accountForOutbox()
    }

    /// Tells the process how much waits for polls; the largest of all that waits goes when that is too much.
    func accountForOutbox() {
        let bytes = self.session.outbox.byteCount
        guard bytes > 0 else {
            self.holding = nil
            return
        }
        let holding = self.holding ?? self.openHolding()
        self.holding = holding
        holding.update(bytes: bytes)
    }

    private func openHolding() -> MemoryLedger.Holding {
        let (host, id) = (self.host, self.id)
        return host.ledger.open(.polling) {
            host.site.hub.post(EngineCommand.evict(id, .polling), for: host.part, to: Int(id.shard))
        }
    }

    func clearOutbox() {
        self.session.outbox = PollingOutbox()
        self.holding = nil
    }

    /// When it is closed unless a poll takes something before; `nil` while no more waits than may.
    var stallDeadline: NIODeadline? {
        guard self.session.outbox.byteCount > self.host.configuration.maximumQueuedBytes else { return nil }
        return self.lastTaken + self.host.configuration.stallTime
    }

    package var isWritable: Bool { self.session.hasHeldPoll && self.session.outbox.isEmpty }
    package func writeFailed() {}
    package func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {}
    package func publishCompleted(_ topic: TopicKey) {}
    package func expelled(_ reason: CloseReason) { self.closeSlowConsumer() }
    package func wake(now: NIODeadline) { self.tick(now) }

    /// Closed a little later than others, so that not all clients come back at once.
    package func shutDown() {
        // Whoever has not come to be told of an end is not waited for.
        guard self.session.isOpen else { return self.forget() }
        let spread = self.host.configuration.shutdownSpread.nanoseconds
        guard spread > 0 else { return self.close(.shutdown, code: .serverShuttingDown) }
        let delay = TimeAmount.nanoseconds(Int64.random(in: 0..<spread))
        self.shard.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.close(.shutdown, code: .serverShuttingDown)
        }
    }
}

@available(*, unavailable)
extension EngineConnection: Sendable {}
