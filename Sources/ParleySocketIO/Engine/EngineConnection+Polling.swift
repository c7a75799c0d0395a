internal import EngineIO
internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// Long-polling: posts in, held polls out.
extension EngineConnection {
    /// A GET for this session.
    func poll(for exchange: ExchangeID) {
        self.tick(self.shard.eventLoop.now)
        // Whatever is on its way into the outbox goes with it.
        self.shard.flushNotes()
        if self.session.isUnused { self.place?.polled() }
        switch self.session.pollBegan() {
        case .answer:
            self.answer(exchange, self.takePoll())
            if !self.session.isOpen, self.session.outbox.isEmpty { self.endProbe() }
        case .hold: self.heldPoll = exchange
        case .overlap:
            self.answer(exchange, EngineAnswer(status: 400))
            self.session.outbox.append(.close)
            self.answerHeldPoll()
            self.finish(.transportError)
        case .answerAndEnd(let lastWord):
            self.session.outbox.append(lastWord)
            self.answer(exchange, self.takePoll())
            self.forget()
        case .unknownSession:
            self.answer(exchange, .refusal(self.session.transport == nil ? .sessionUnknown : .badRequest))
        }
        self.scheduleWake()
    }

    /// The client dropped the connection of its held poll, or its half of it.
    func pollDropped(_ exchange: ExchangeID) {
        guard self.heldPoll == exchange, self.session.pollDropped() else { return }
        self.heldPoll = nil
        self.finish(.transportError)
        self.answer(exchange, EngineAnswer(status: 400))
    }

    func takePoll(all: Bool = false) -> EngineAnswer {
        let limit = all ? PollingOutbox.Limit.none : self.pollLimit
        self.lastTaken = self.shard.eventLoop.now
        let hasSomething = !self.session.outbox.isEmpty
        defer {
            if hasSomething { self.accountForOutbox() }
            if hasSomething, self.session.outbox.isEmpty, self.session.isOpen { self.drained() }
        }
        guard self.session.revision == .three else { return .poll(self.session.outbox.takeBody(limit)) }
        var packets = self.session.outbox.takePackets(limit)
        if packets.isEmpty { packets = [EnginePacket(.noop)] }
        let (body, isBinary) = PollingPayloadV3.write(packets, supportsBinary: !self.wantsBase64)
        return .poll(body, isBinary: isBinary)
    }

    /// The answer to the request that opened the session.
    package func takeHandshake() -> EngineAnswer { self.takePoll() }

    func answerHeldPoll(all: Bool = false) {
        guard let exchange = self.heldPoll else { return }
        self.heldPoll = nil
        let answer = self.takePoll(all: all)
        // From the loop rather than from here: the next request of that connection is looked at from within, and may have
        // another poll answered.
        self.shard.eventLoop.assumeIsolated().execute { self.answer(exchange, answer) }
    }

    private func answer(_ exchange: ExchangeID, _ answer: EngineAnswer) {
        self.host.send(.answer(answer, to: exchange), from: self.shard, to: exchange.shard)
    }

    /// The head of a POST.
    /// - Returns: Why its body is not to be received.
    package func postBegan() -> EngineAnswer? {
        self.tick(self.shard.eventLoop.now)
        switch self.session.postBegan() {
        case .receive: return nil
        case .overlap:
            self.close(.transportError)
            return EngineAnswer(status: 400)
        case .unknownSession:
            return .refusal(self.session.transport == nil ? .sessionUnknown : .badRequest)
        }
    }

    /// The client vanished before its POST was complete.
    package func postDropped() {
        self.session.postEnded()
        if self.session.isOpen { self.close(.transportError) }
    }

    /// The body of a POST was refused for its size; the session goes on.
    package func postRefused() { self.session.postEnded() }

    /// A complete POST. Its packets are taken a share at a time, so that many of them hold nobody else up.
    func post(_ body: ByteBuffer, isBinary: Bool, for exchange: ExchangeID) {
        guard !isBinary || self.session.revision == .three else {
            return self.refusePost(.transportError, exchange)
        }
        // Text goes on to others as text of WebSocket, which ends their connections if it is none.
        guard isBinary || TextLength.isUTF8(body) else { return self.refusePost(.parseError, exchange) }
        self.take(PostReader(body, self.session.revision, isBinary: isBinary), exchange)
    }

    private func refusePost(_ reason: EngineCloseReason, _ exchange: ExchangeID) {
        self.session.postEnded()
        self.close(reason)
        self.answer(exchange, EngineAnswer(status: 400))
    }

    private func take(_ reader: PostReader, _ exchange: ExchangeID) {
        let post = PostTaker(reader, exchange, self)
        if post.takeTurn() { self.shard.waitForTurn(post, isGreedy: true) }
    }

    /// Takes packets as long as the share lasts.
    /// - Returns: Whether there are more.
    fileprivate func take(_ reader: inout PostReader, _ exchange: ExchangeID) -> Bool {
        let now = self.shard.eventLoop.now
        self.shard.context.now = now
        var share = self.shard.beginShare(now: now)
        do throws(EngineFailure) {
            while self.session.transport != nil, let packet = try reader.next() {
                self.received(packet)
                if self.shard.spend(packet.payload.readableBytes, of: &share) { return true }
            }
        } catch {
            self.refusePost(.parseError, exchange)
            return false
        }
        self.session.postEnded()
        self.scheduleWake()
        self.answer(exchange, .ok)
        return false
    }
}

/// A POST whose packets are being taken.
private final class PostTaker: TurnTaker {
    private var reader: PostReader
    private let exchange: ExchangeID
    private let connection: EngineConnection

    init(_ reader: PostReader, _ exchange: ExchangeID, _ connection: EngineConnection) {
        self.reader = reader
        self.exchange = exchange
        self.connection = connection
    }

    func takeTurn() -> Bool { self.connection.take(&self.reader, self.exchange) }
}

/// The packets of a POST, whatever its revision.
private enum PostReader {
    case four(PollingPayloadReader)
    case three(PollingPayloadV3Reader)

    init(_ body: ByteBuffer, _ revision: EngineRevision, isBinary: Bool) {
        switch revision {
        case .four: self = .four(PollingPayloadReader(body))
        case .three: self = .three(PollingPayloadV3Reader(body, isBinary: isBinary))
        }
    }

    mutating func next() throws(EngineFailure) -> EnginePacket? {
        switch self {
        case .four(var reader):
            defer { self = .four(reader) }
            return try reader.next()
        case .three(var reader):
            defer { self = .three(reader) }
            return try reader.next()
        }
    }
}
