internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// Drives one WebSocket connection: bytes to the protocol machine, messages to the dialect, actions to the hub, and back.
///
/// Confined to its event loop. It decides nothing: rules of the protocol are ``WebSocketConnection``'s, of the dialect
/// ``Dialect``'s, of time ``ConnectionClock``'s, of slow readers ``Backlog``'s.
final class WebSocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case open
        /// A join is on its way; what arrives meanwhile waits.
        case joining
        /// A close frame was sent; the transport is ended at the deadline at the latest.
        case lingering(until: NIODeadline)
        /// The transport is ended as soon as everything is written.
        case ending(until: NIODeadline)
    }

    /// How long a peer may take to answer a close frame.
    static let lingerTime = TimeAmount.seconds(5)

    let hub: Hub
    let shard: Shard
    let profile: ConnectionProfile
    private let tools: LoopTools
    private let observer: (any ConnectionObserver)?
    private let permit: ConnectionPermit
    /// The agreed window when messages to this peer are compressed.
    private let windowBits: Int?
    /// The socket for direct writes; `nil` when something lies between it and us (TLS).
    private(set) var socket: NIOBSDSocket.Handle?
    private let isSecure: Bool

    private var protocolMachine: WebSocketConnection
    private var dialect: any Dialect
    var clock: ConnectionClock
    private var phase = Phase.open
    private(set) var connection: Connection?
    private(set) var context: ChannelHandlerContext?
    /// The topic that the dialect publishes to.
    private var topic: TopicKey?
    private var heldInput: ByteBuffer?
    /// Publications of this connection that have not come round yet.
    private var unacknowledged = 0
    /// A move that waits for them.
    private var postponedJoin: JoinRequest?
    /// The 101, until it may be sent.
    private var handshakeAnswer: ByteBuffer?
    var backlog: Backlog? {
        didSet {
            // While something waits, everything else has to wait behind it.
            if (self.backlog == nil) != (oldValue == nil) { self.updateDirectHandle() }
        }
    }
    /// Set for a peer that broke a rule: it sees the end of the stream right behind the close frame.
    private var shutsOutputWhenWritten = false

    init(
        _ acceptance: Acceptance,
        compression: PerMessageDeflate?,
        hub: Hub,
        shard: Shard,
        permit: ConnectionPermit,
        isSecure: Bool
    ) {
        self.hub = hub
        self.shard = shard
        self.profile = acceptance.profile
        self.dialect = acceptance.dialect
        self.observer = acceptance.observer
        self.permit = permit
        self.isSecure = isSecure
        self.tools = .current
        self.windowBits = compression?.serverMaxWindowBits
        self.protocolMachine = WebSocketConnection(
            role: .server,
            configuration: acceptance.profile.webSocket,
            compression: compression
        )
        let now = shard.eventLoop.now
        self.clock = ConnectionClock(policy: acceptance.profile.clock, now: now, expiry: acceptance.expiry(now: now))
        self.connection = shard.open(
            dialect: acceptance.profile.dialect,
            format: acceptance.profile.formats.format(for: compression),
            policy: acceptance.profile.slowConsumer,
            delegate: self
        )
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !self.isSecure {
            self.socket = try? context.pipeline.syncOperations
                .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        }
        self.connection?.directHandle = self.socket
        if let bytes = self.profile.sendBufferBytes {
            // A hint: without it a stopped reader is noticed later.
            try? context.channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: .init(bytes))
        }
    }

    /// Lets the dialect begin, and answers the handshake.
    ///
    /// Where the dialect joins a topic first, the answer waits for the join: a client that has it may rely on hearing whatever
    /// is said from then on, whichever event loop the topic is at home on.
    func start(answering key: String, extensions: String?) {
        guard let connection = self.connection else { return }
        self.observer?.opened(connection.id)
        self.profile.logger.debug("Connection opened", metadata: ["connection": "\(connection.id)"])
        self.shard.context.now = self.shard.eventLoop.now
        self.handshakeAnswer = Self.answer(to: key, extensions: extensions)
        switch self.dialect.opened(&self.shard.context) {
        case .none: self.answerHandshake()
        case .join(let request): self.join(request)
        }
        self.scheduleWake()
    }

    /// RFC 6455 §4.2.2.
    private static func answer(to key: String, extensions: String?) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: 256)
        answer.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        answer.writeStaticString("Sec-WebSocket-Accept: ")
        answer.writeString(WebSocketHandshake.acceptValue(forKey: key))
        if let extensions {
            answer.writeStaticString("\r\nSec-WebSocket-Extensions: ")
            answer.writeString(extensions)
        }
        answer.writeStaticString("\r\n\r\n")
        return answer
    }

    private func answerHandshake() {
        guard let answer = self.handshakeAnswer else { return }
        self.handshakeAnswer = nil
        self.send { $0.writeImmutableBuffer(answer) }
    }

    /// NIO calls this from within the close itself, before anything else of ours can run: from here on the descriptor may be
    /// somebody else's.
    func channelInactive(context: ChannelHandlerContext) {
        self.socket = nil
        self.connection?.directHandle = nil
        self.context = nil
        self.heldInput = nil
        if self.backlog != nil {
            self.backlog = nil
            self.accountForBacklog()
        }
        self.abandon()
        context.fireChannelInactive()
    }

    /// Gives back what the connection holds of hub and limits. Doing it twice does nothing.
    func abandon() {
        guard let connection = self.connection else { return }
        self.connection = nil
        self.observer?.closed(connection.id)
        self.shard.close(connection)
        self.permit.release()
    }

    /// When the connection was last heard of or sent to.
    var lastActive: NIODeadline { max(self.clock.lastReceived, self.connection?.lastSent ?? self.clock.lastReceived) }

    var isOpen: Bool {
        switch self.phase {
        case .open, .joining: return true
        case .lingering, .ending: return false
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets, TLS failures and the like: the peer is gone.
        context.close(promise: nil)
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        let now = self.shard.eventLoop.now
        self.shard.context.now = now
        self.clock.received(at: now)
        self.shard.metrics.receivedBytes += input.readableBytes
        if self.heldInput != nil {
            self.heldInput?.writeImmutableBuffer(input)
            return
        }
        self.process(&input)
    }

    private func process(_ input: inout ByteBuffer) {
        while true {
            if case .joining = self.phase {
                self.hold(input)
                return
            }
            switch self.protocolMachine.receive(&input, inflater: self.tools.inflater) {
            case .needsMoreInput:
                if self.protocolMachine.isMidMessage { self.scheduleWake() }
                return
            case .message(let kind, let message):
                self.received(kind == .text ? .text : .binary, message)
            case .ping(let payload):
                self.send { WebSocketFrame.write(.pong, payload: payload, into: &$0) }
            case .pong:
                break
            case .peerClosed:
                let code = self.protocolMachine.closeReply
                self.leave()
                self.send { WebSocketFrame.writeClose(code: code, reason: "", into: &$0) }
                self.endWhenWritten()
            case .closeCompleted:
                self.endWhenWritten()
                self.shard.flushNotes()
                if self.backlog == nil { self.allWritten() }
            case .failed(let failure):
                self.fail(failure)
            }
        }
    }

    private func received(_ kind: MessageKind, _ message: ByteBuffer) {
        guard case .open = self.phase else { return }
        self.shard.metrics.receivedMessages += 1
        switch self.dialect.received(kind, message, &self.shard.context) {
        case .drop:
            self.shard.metrics.droppedMessages += 1
        case .reply(let kind, let message):
            self.send(kind, message)
        case .join(let request):
            self.move(to: request)
        case .publish(let payload, let includingSender):
            guard let topic = self.topic, let connection = self.connection else { return }
            if self.dialect.acknowledgesPublications { self.unacknowledged += 1 }
            self.shard.publish(
                payload,
                from: connection,
                to: topic,
                includingSender: includingSender,
                wantsCompletion: self.dialect.acknowledgesPublications
            )
        case .close(let reason):
            self.close(reason)
        }
    }

    /// Leaves the present topic and joins another, once everything published before has come round: it is still to be heard.
    private func move(to request: JoinRequest) {
        guard self.unacknowledged == 0 else {
            self.phase = .joining
            self.postponedJoin = request
            return
        }
        if let topic = self.topic, let connection = self.connection {
            self.topic = nil
            self.shard.leave(connection, topic)
        }
        self.join(request)
    }

    private func join(_ request: JoinRequest) {
        guard let connection = self.connection else { return }
        self.phase = .joining
        self.shard.join(connection, request)
    }

    /// Keeps what arrived during a join, and stops reading until the join is through.
    private func hold(_ input: ByteBuffer) {
        guard input.readableBytes > 0 else { return }
        self.heldInput = input
        self.context?.channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    private func releaseHeldInput() {
        guard var input = self.heldInput else { return }
        self.heldInput = nil
        self.context?.channel.setOption(.autoRead, value: true).whenFailure { _ in }
        self.process(&input)
    }

    // MARK: Out

    private func send(_ kind: MessageKind, _ message: ByteBuffer) {
        self.connection?.lastSent = self.shard.context.now
        self.send { self.tools.writeFrame(kind, message, windowBits: self.windowBits, into: &$0) }
    }

    private func send(_ body: (inout ByteBuffer) -> Void) {
        guard let connection = self.connection else { return }
        self.shard.send(to: connection, body)
    }

    /// Sends one text message from outside of the topic.
    /// - Returns: False when more waits for this connection than it may have.
    func deliver(_ text: ByteBuffer) -> Bool {
        guard (self.backlog?.byteCount ?? 0) < self.profile.slowConsumer.maximumBytes else { return false }
        self.send(.text, text)
        return true
    }

    // MARK: The end

    /// Closes with a code: topics are left at once, the frame goes out, and the peer gets a while to answer.
    func close(_ reason: CloseReason) {
        guard self.protocolMachine.beginClose() else { return }
        self.linger(reason)
    }

    /// As ``close(_:)``, for a peer that broke a rule: nothing it says will be read, so our side is shut at once.
    private func fail(_ failure: WebSocketFailure) {
        self.linger(.protocolFailure(code: failure.code.rawValue, reason: failure.reason, label: failure.kind.rawValue))
        self.shutsOutputWhenWritten = true
        self.watchWrites()
    }

    private func linger(_ reason: CloseReason) {
        self.shard.metrics.closes[reason.label, default: 0] += 1
        self.profile.logger.debug(
            "Closing connection",
            metadata: [
                "connection": "\(self.connection.map(\.id.description) ?? "-")", "code": "\(reason.code)",
                "reason": "\(reason.label)",
            ]
        )
        self.answerHandshake()
        self.leave()
        self.backlog?.discardWaiting()
        self.phase = .lingering(until: self.shard.eventLoop.now + Self.lingerTime)
        self.send {
            WebSocketFrame.writeClose(code: WebSocketCloseCode(rawValue: reason.code), reason: reason.reason, into: &$0)
        }
        self.releaseHeldInput()
        self.scheduleWake()
    }

    private func endWhenWritten() {
        self.phase = .ending(until: self.shard.eventLoop.now + Self.lingerTime)
        self.watchWrites()
        self.scheduleWake()
    }

    private func leave() {
        self.topic = nil
        if let connection = self.connection { self.shard.detach(connection) }
    }

    /// From here on every write comes by, so that we learn when the last is through.
    private func watchWrites() {
        self.updateDirectHandle()
    }

    private func updateDirectHandle() {
        self.connection?.directHandle =
            self.backlog == nil && self.isOpen && !self.shutsOutputWhenWritten ? self.socket : nil
    }

    /// Everything that was to be sent is with the kernel.
    func allWritten() {
        if case .ending = self.phase {
            self.context?.close(promise: nil)
        } else if self.shutsOutputWhenWritten {
            self.shutsOutputWhenWritten = false
            self.context?.close(mode: .output, promise: nil)
        }
    }

    // MARK: Time

    func scheduleWake() {
        guard let connection = self.connection else { return }
        let deadline: NIODeadline
        switch self.phase {
        case .open, .joining:
            deadline = self.clock.nextDeadline(
                self.profile.clock,
                lastSent: connection.lastSent,
                isMidMessage: self.protocolMachine.isMidMessage
            ).earlier(self.backlog?.stallDeadline)
        case .lingering(let until), .ending(let until):
            deadline = until
        }
        if deadline != .distantFuture { self.shard.wake(connection, at: deadline) }
    }
}

extension WebSocketHandler: ConnectionDelegate {
    func joinWillComplete() {
        self.answerHandshake()
    }

    func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {
        guard case .joining = self.phase else { return }
        self.phase = .open
        if outcome == .joined { self.topic = topic }
        switch self.dialect.joinCompleted(outcome) {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        case .close(let reason): self.close(reason)
        }
        self.releaseHeldInput()
    }

    func publishCompleted(_ topic: TopicKey) {
        self.unacknowledged -= 1
        defer {
            if self.unacknowledged == 0, let request = self.postponedJoin, case .joining = self.phase {
                self.postponedJoin = nil
                self.move(to: request)
            }
        }
        switch self.dialect.publishCompleted() {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        }
    }

    func expelled(_ reason: CloseReason) {
        if reason == .slowConsumer { self.shard.metrics.slowConsumerCloses += 1 }
        self.close(reason)
    }

    func shutDown() {
        self.close(self.profile.shutdown)
    }

    func wake(now: NIODeadline) {
        switch self.phase {
        case .open, .joining:
            let action = self.clock.tick(
                self.profile.clock,
                now: now,
                lastSent: self.connection?.lastSent ?? now,
                isMidMessage: self.protocolMachine.isMidMessage
            )
            if let stall = self.backlog?.stallDeadline, stall <= now { return self.expelled(.slowConsumer) }
            switch action {
            case .none: break
            case .ping: self.send { WebSocketFrame.writeHeader(opcode: .ping, payloadBytes: 0, into: &$0) }
            case .close(let reason): self.close(reason)
            }
            self.scheduleWake()
        case .lingering(let until), .ending(let until):
            if until <= now {
                self.context?.close(promise: nil)
            } else {
                self.scheduleWake()
            }
        }
    }
}

extension NIODeadline {
    fileprivate func earlier(_ other: NIODeadline?) -> NIODeadline {
        other.map { min(self, $0) } ?? self
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
