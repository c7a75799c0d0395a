internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// Drives the transport of one WebSocket connection: bytes to the protocol machine, frames to the socket, and the end.
///
/// Confined to its event loop. It decides nothing: rules of the protocol are ``WebSocketConnection``'s, of time
/// ``ConnectionClock``'s, of slow readers ``Backlog``'s. What messages mean is up to its subclasses.
class WebSocketHandler: ChannelInboundHandler, ConnectionDelegate {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// What arrives waits until something is decided.
        case holding
        /// A close frame was sent; the transport is ended at the deadline at the latest.
        case lingering(until: NIODeadline)
        /// The transport is ended as soon as everything is written.
        case ending(until: NIODeadline)
    }

    /// Why nothing more will come from the peer.
    enum End {
        /// It said goodbye.
        case peerClosed
        /// It broke a rule of the protocol, or a limit.
        case failed
        /// The transport is gone.
        case lost
    }

    /// How long a peer may take to answer a close frame.
    static let lingerTime = TimeAmount.seconds(5)

    let hub: Hub
    let shard: Shard
    let profile: ConnectionProfile
    let tools: LoopTools
    private let permit: ConnectionPermit
    /// The agreed window when messages to this peer are compressed.
    let windowBits: Int?
    /// The socket for direct writes; `nil` when something lies between it and us (TLS).
    private(set) var socket: NIOBSDSocket.Handle?
    private let isSecure: Bool

    private var protocolMachine: WebSocketConnection
    var clock: ConnectionClock
    /// While a message is not complete.
    private var progress: ProgressWatch?
    private(set) var phase = Phase.open
    /// What the hub knows of it; without one, what is sent goes through the pipeline.
    private(set) var connection: Connection?
    private(set) var context: ChannelHandlerContext?
    /// What came while something was decided, or beyond a share of the loop's turn.
    private var heldInput: ByteBuffer?
    private var isWaitingForTurn = false
    /// Whether the peer's transport has ended, behind what is held.
    private var isInputClosed = false
    /// What the process knows to wait for and from this connection.
    var outputHolding: MemoryLedger.Holding?
    var inputHolding: MemoryLedger.Holding?
    /// The 101, until it may be sent.
    private var handshakeAnswer: ByteBuffer?
    var backlog: Backlog? {
        didSet {
            // While something waits, everything else has to wait behind it.
            if (self.backlog == nil) != (oldValue == nil) { self.updateDirectHandle() }
        }
    }
    /// Set for a peer that broke a rule: it sees the end of the stream right behind the close frame.
    private(set) var shutsOutputWhenWritten = false
    private var isAbandoned = false
    /// Writes that went through the pipeline, and are not with the kernel yet.
    private var pipelineWrites = 0

    init(_ environment: HandshakeEnvironment, profile: ConnectionProfile, expiry: (NIODeadline) -> NIODeadline) {
        self.hub = environment.hub
        self.shard = environment.shard
        self.profile = profile
        self.permit = environment.permit
        self.isSecure = environment.isSecure
        self.tools = .current
        self.windowBits = environment.compression?.serverMaxWindowBits
        self.protocolMachine = WebSocketConnection(
            role: .server,
            configuration: profile.webSocket,
            compression: environment.compression
        )
        let now = environment.shard.eventLoop.now
        self.clock = ConnectionClock(policy: profile.clock, now: now, expiry: expiry(now))
    }

    // MARK: What subclasses do

    /// The handshake is through, but for its answer: ``answerHandshake()`` sends it, now or later.
    func begin() { self.answerHandshake() }

    /// A complete message arrived.
    func received(_ kind: MessageKind, _ message: ByteBuffer) {}

    /// Nothing more will come from the peer. May be called more than once.
    func ended(_ end: End) {}

    /// Everything that waited for a slow reader has been sent.
    func drained() {}

    /// Nothing more is to be heard of the hub's topics.
    func leave() {
        if let connection = self.connection { self.shard.detach(connection) }
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !self.isSecure {
            self.socket = try? context.pipeline.syncOperations
                .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        }
        self.updateDirectHandle()
        if let bytes = self.profile.sendBufferBytes {
            // A hint: without it a stopped reader is noticed later.
            try? context.channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: .init(bytes))
        }
    }

    /// Serves a connection of the hub from now on.
    func serve(_ connection: Connection) {
        self.connection = connection
        self.updateDirectHandle()
        self.scheduleWake()
    }

    /// Lets the connection begin.
    func start(answering key: String, extensions: String?) {
        self.shard.context.now = self.shard.eventLoop.now
        self.handshakeAnswer = Self.answer(to: key, extensions: extensions)
        self.begin()
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

    func answerHandshake() {
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
        self.backlog = nil
        self.outputHolding = nil
        self.inputHolding = nil
        self.abandon()
        context.fireChannelInactive()
    }

    /// Gives back what the connection holds of hub and limits. Doing it twice does nothing.
    func abandon() {
        guard !self.isAbandoned else { return }
        self.isAbandoned = true
        self.ended(.lost)
        if let connection = self.connection {
            self.connection = nil
            self.shard.close(connection)
        }
        self.permit.release()
    }

    /// When the connection was last heard of or sent to.
    var lastActive: NIODeadline { max(self.clock.lastReceived, self.connection?.lastSent ?? self.clock.lastReceived) }

    var isOpen: Bool {
        switch self.phase {
        case .open, .holding: return true
        case .lingering, .ending: return false
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets, TLS failures and the like: the peer is gone.
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            self.isInputClosed = true
            self.closeAfterInput()
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A WebSocket has no use for one direction alone (RFC 6455 §7.1.1), but what was said before the end counts.
    private func closeAfterInput() {
        if self.isInputClosed, self.heldInput == nil { self.context?.close(promise: nil) }
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.receive(self.unwrapInboundIn(data))
    }

    /// Takes bytes from the transport.
    func receive(_ input: ByteBuffer) {
        self.shard.receiveMail()
        let now = self.shard.eventLoop.now
        self.shard.context.now = now
        self.clock.received(at: now)
        self.shard.metrics.receivedBytes += input.readableBytes
        if self.heldInput != nil {
            self.heldInput?.writeImmutableBuffer(input)
            return self.accountForInput()
        }
        var input = input
        if self.shard.isTurnFull {
            self.waitForTurn(with: input, isGreedy: false)
        } else if self.process(&input, now: now) {
            self.waitForTurn(with: input, isGreedy: true)
        }
    }

    /// - Returns: Whether the connection's share of the turn is used up, and there may be more in `input`.
    private func process(_ input: inout ByteBuffer, now: NIODeadline) -> Bool {
        var share = self.shard.beginShare(now: now)
        while true {
            if case .holding = self.phase {
                self.hold(input)
                return false
            }
            let before = input.readableBytes
            switch self.protocolMachine.receive(&input, inflater: self.tools.inflater) {
            case .needsMoreInput:
                self.inputEnded()
                return false
            case .hasMoreInput:
                if self.shard.spend(before - input.readableBytes, of: &share) { return true }
            case .message(let kind, let message):
                self.progress = nil
                guard case .open = self.phase else { continue }
                let bytes = message.readableBytes
                self.received(kind == .text ? .text : .binary, message)
                if self.shard.spend(bytes, of: &share), input.readableBytes > 0 { return true }
            case .ping(let payload):
                self.controlFrameEnded()
                self.send { WebSocketFrame.write(.pong, payload: payload, into: &$0) }
                if self.shard.spend(payload.readableBytes, of: &share), input.readableBytes > 0 { return true }
            case .pong:
                self.controlFrameEnded()
                if self.shard.spend(0, of: &share), input.readableBytes > 0 { return true }
            case .peerClosed:
                let code = self.protocolMachine.closeReply
                self.ended(.peerClosed)
                self.leave()
                self.send { WebSocketFrame.writeClose(code: code, reason: "", into: &$0) }
                self.endWhenWritten()
            case .closeCompleted:
                self.endWhenWritten()
                self.shard.flushNotes()
                if self.backlog == nil { self.allWritten() }
            case .failed(let failure):
                self.ended(.failed)
                self.fail(failure)
            }
        }
    }

    /// A frame between messages is complete; one in the middle of a message is no progress of that.
    private func controlFrameEnded() {
        if self.progress != nil, !self.protocolMachine.hasUnfinishedMessage { self.progress = nil }
    }

    /// All that has come is with the protocol machine; it may have kept part of a message.
    private func inputEnded() {
        let isMidMessage = self.protocolMachine.isMidMessage
        guard isMidMessage || self.progress != nil || self.inputHolding != nil else { return }
        if isMidMessage, let timeout = self.profile.clock.frameTimeout {
            var progress = self.progress ?? ProgressWatch(timeout: TimeAmount(timeout), now: self.clock.lastReceived)
            progress.advanced(to: self.protocolMachine.unfinishedMessageBytes, now: self.clock.lastReceived)
            self.progress = progress
        } else {
            self.progress = nil
        }
        self.accountForInput()
        if isMidMessage { self.scheduleWake() }
    }

    /// Bytes in memory that have come and are not dealt with.
    var unfinishedBytes: Int { self.protocolMachine.bufferedBytes + (self.heldInput?.readableBytes ?? 0) }

    /// Keeps what arrived beyond the connection's share, and stops reading until it is its turn again.
    private func waitForTurn(with input: ByteBuffer, isGreedy: Bool) {
        self.hold(input)
        self.queueForTurn(isGreedy: isGreedy)
    }

    private func queueForTurn(isGreedy: Bool) {
        guard !self.isWaitingForTurn else { return }
        self.isWaitingForTurn = true
        self.shard.waitForTurn(self, isGreedy: isGreedy)
    }

    /// What arrives waits until ``release()``.
    func hold() { self.phase = .holding }

    func release() {
        guard case .holding = self.phase else { return }
        self.phase = .open
    }

    /// Keeps what arrived, and stops reading.
    private func hold(_ input: ByteBuffer) {
        guard input.readableBytes > 0 else { return }
        self.heldInput = input
        self.accountForInput()
        self.context?.channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }

    /// Deals with what was held, now or when it is this connection's turn.
    func releaseHeldInput() {
        guard self.heldInput != nil, !self.isWaitingForTurn else { return }
        if self.goOn() { self.queueForTurn(isGreedy: true) }
    }

    /// - Returns: Whether there is more.
    private func goOn() -> Bool {
        guard var input = self.heldInput else { return false }
        self.heldInput = nil
        let now = self.shard.eventLoop.now
        self.shard.context.now = now
        let hasMore = self.process(&input, now: now)
        if hasMore { self.heldInput = input }
        self.accountForInput()
        if self.heldInput == nil { self.context?.channel.setOption(.autoRead, value: true).whenFailure { _ in } }
        self.closeAfterInput()
        return hasMore
    }

    // MARK: Out

    func send(_ kind: MessageKind, _ message: ByteBuffer) {
        self.connection?.lastSent = self.shard.context.now
        self.send { self.tools.writeFrame(kind, message, windowBits: self.windowBits, into: &$0) }
    }

    func send(_ body: (inout ByteBuffer) -> Void) {
        guard let connection = self.connection else { return self.sendByPipeline(body) }
        self.shard.send(to: connection, body)
    }

    /// For what is said before there is a connection in the hub.
    private func sendByPipeline(_ body: (inout ByteBuffer) -> Void) {
        guard let context = self.context else { return }
        var bytes = ByteBuffer()
        body(&bytes)
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.pipelineWrites += 1
        promise.futureResult.assumeIsolated().whenSuccess {
            self.pipelineWrites -= 1
            if self.connection == nil, self.pipelineWrites == 0 { self.allWritten() }
        }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
    }

    /// Sends one text message from outside of the topic.
    /// - Returns: False when more waits for this connection than it may have.
    func deliver(_ text: ByteBuffer) -> Bool {
        guard (self.backlog?.byteCount ?? 0) < self.profile.slowConsumer.maximumBytes else { return false }
        // Nothing was read on this loop that would have told the time.
        self.shard.context.now = self.shard.eventLoop.now
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
        self.progress = nil
        self.shard.metrics.closes[reason.label, default: 0] += 1
        self.profile.logger.debug(
            "Closing connection",
            metadata: [
                "connection": "\(self.connection.map(\.id.description) ?? "-")",
                "code": .stringConvertible(reason.code),
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

    /// From here on every write comes by, so that we learn when the last is through.
    private func watchWrites() {
        self.updateDirectHandle()
        if self.connection == nil, self.pipelineWrites == 0 { self.allWritten() }
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
        guard let connection = self.connection else { return self.scheduleEndWithoutHub() }
        let deadline: NIODeadline
        switch self.phase {
        case .open, .holding:
            deadline = self.clock.nextDeadline(
                self.profile.clock,
                lastSent: connection.lastSent
            ).earlier(self.backlog?.stallDeadline).earlier(self.progress?.deadline)
        case .lingering(let until), .ending(let until):
            deadline = until
        }
        if deadline != .distantFuture { self.shard.wake(connection, at: deadline) }
    }

    /// The hub wakes its connections; one that it does not know wakes itself, when it is about to end.
    private func scheduleEndWithoutHub() {
        guard !self.isOpen, let context = self.context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) { self.context?.close(promise: nil) }
    }

    // MARK: ConnectionDelegate

    var isWritable: Bool { self.backlog == nil && self.context != nil }

    func joinWillComplete() {}
    func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {}
    func publishCompleted(_ topic: TopicKey) {}

    func expelled(_ reason: CloseReason) {
        if reason == .slowConsumer { self.shard.metrics.slowConsumerCloses += 1 }
        self.close(reason)
    }

    func shutDown() {
        self.close(self.profile.shutdown)
    }

    func wake(now: NIODeadline) {
        switch self.phase {
        case .open, .holding:
            let action = self.clock.tick(
                self.profile.clock,
                now: now,
                lastSent: self.connection?.lastSent ?? now
            )
            if let progress = self.progress, progress.deadline <= now { return self.close(.unfinishedMessage) }
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

extension WebSocketHandler: TurnTaker {
    func takeTurn() -> Bool {
        self.isWaitingForTurn = false
        if case .holding = self.phase { return false }
        self.isWaitingForTurn = self.goOn()
        return self.isWaitingForTurn
    }
}

extension NIODeadline {
    fileprivate func earlier(_ other: NIODeadline?) -> NIODeadline {
        other.map { min(self, $0) } ?? self
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
