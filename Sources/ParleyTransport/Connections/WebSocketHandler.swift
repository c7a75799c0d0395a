public import NIOCore
internal import NIOPosix
public import ParleyHub
public import ParleyModel
internal import WebSocketProtocol

/// Drives the transport of one WebSocket connection: tells ``WebSocketConnectionMachine`` what happens, and does what it says.
///
/// Confined to its event loop. It decides nothing; what messages mean is up to its subclasses.
///
/// Open, as drivers of other targets are subclasses: for that, Swift knows nothing between a module and the whole world. What others
/// use of it is final, and what it changes for each message (``machine``, ``connection``) is seen by nobody else, so that the
/// compiler knows all who do.
open class WebSocketHandler: ChannelInboundHandler, ConnectionDelegate {
    public typealias InboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer
    public typealias End = WebSocketEnd

    final let hub: Hub
    package final let shard: Shard
    package final let profile: ConnectionProfile
    package final let tools: LoopTools
    private let permit: ConnectionPermit
    /// The agreed window when messages to this peer are compressed.
    package final let windowBits: Int?
    /// The socket for direct writes; `nil` when something lies between it and us (TLS).
    private(set) var socket: NIOBSDSocket.Handle?
    private let isSecure: Bool

    var machine: WebSocketConnectionMachine
    /// What the hub knows of it; without one, what is sent goes through the pipeline.
    private(set) var connection: Connection?
    private(set) var context: ChannelHandlerContext?
    /// What the process knows to wait for and from this connection.
    var outputHolding: MemoryLedger.Holding?
    var inputHolding: MemoryLedger.Holding?
    private var isReadingPaused = false
    private var isAbandoned = false
    /// Writes that went through the pipeline, and are not with the kernel yet.
    var pipelineWrites = 0
    /// While a piece of the backlog is being given to the transport, which may take it at once.
    var isHandingOver = false
    var isPieceWritten = false

    package init(_ environment: HandshakeEnvironment, profile: ConnectionProfile, expiry: (NIODeadline) -> NIODeadline)
    {
        self.hub = environment.hub
        self.shard = environment.shard
        self.profile = profile
        self.permit = environment.permit
        self.isSecure = environment.isSecure
        self.tools = .current
        self.windowBits = environment.compression?.serverMaxWindowBits
        let now = environment.shard.eventLoop.now
        self.machine = WebSocketConnectionMachine(
            profile.rules,
            compression: environment.compression,
            now: now,
            expiry: expiry(now)
        )
    }

    // MARK: What subclasses do

    /// The handshake is through, but for its answer: ``answerHandshake()`` sends it, now or later.
    open func begin() { self.answerHandshake() }

    /// A complete message arrived.
    open func received(_ kind: MessageKind, _ message: ByteBuffer) {}

    /// Nothing more will come from the peer. May be called more than once.
    open func ended(_ end: End) {}

    /// Everything that waited for a slow reader has been sent.
    open func drained() {}

    /// Nothing more is to be heard of the hub's topics.
    func leave() {
        if let connection = self.connection { self.shard.detach(connection) }
    }

    // MARK: Life

    public func handlerAdded(context: ChannelHandlerContext) {
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
    package final func serve(_ connection: Connection) {
        self.connection = connection
        self.updateDirectHandle()
        self.scheduleWake()
    }

    /// Lets the connection begin.
    func start(answering key: String, extensions: String?) {
        self.shard.context.now = self.shard.eventLoop.now
        self.machine.begin(answering: Self.answer(to: key, extensions: extensions))
        self.begin()
        self.scheduleWake()
    }

    package final func answerHandshake() {
        guard let answer = self.machine.answerHandshake() else { return }
        self.send { $0.writeImmutableBuffer(answer) }
    }

    /// NIO calls this from within the close itself, before anything else of ours can run: from here on the descriptor may be
    /// somebody else's.
    public func channelInactive(context: ChannelHandlerContext) {
        self.socket = nil
        self.connection?.directHandle = nil
        self.context = nil
        self.machine.transportEnded()
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

    /// What the hub knows of it, for drivers of other targets.
    package final var hubConnection: Connection? { self.connection }

    /// Bytes that wait for the peer.
    package final var waitingBytes: Int { self.machine.waitingBytes }

    /// When the connection was last heard of or sent to.
    package final var lastActive: NIODeadline {
        let lastReceived = self.machine.clock.lastReceived
        return max(lastReceived, self.connection?.lastSent ?? lastReceived)
    }

    package final var isOpen: Bool { self.machine.isOpen }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Resets, TLS failures and the like: the peer is gone.
        context.close(promise: nil)
    }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            self.machine.inputClosed()
            if self.machine.isInputOver { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: In

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.receive(self.unwrapInboundIn(data))
    }

    /// Nobody is behind us.
    public func channelReadComplete(context: ChannelHandlerContext) {}

    /// Takes bytes from the transport.
    func receive(_ input: consuming ByteBuffer) {
        let shard = self.shard
        let now = shard.beginReading(input.readableBytes)
        switch self.machine.arrived(input, at: now, isTurnFull: shard.isTurnFull) {
        case .read:
            if self.process(input, at: now) { shard.waitForTurn(self, isGreedy: true) }
        case .waitForTurn:
            self.accountForInput()
            self.pauseOrResumeReading()
            shard.waitForTurn(self, isGreedy: false)
        case .wait:
            self.accountForInput()
        }
    }

    /// - Returns: Whether the connection's share of the turn is used up, and there is more.
    private func process(_ input: consuming ByteBuffer, at now: NIODeadline) -> Bool {
        var reading = WebSocketConnectionMachine.Reading(input, at: now)
        var turn = ShardTurn(self.shard, at: now)
        while true {
            switch self.machine.next(&reading, turn: &turn, inflater: self.tools.inflater) {
            case .deliver(let kind, let message):
                self.received(kind, message)
            case .done:
                if self.inputHolding != nil { self.accountForInput() }
                return false
            case .unfinished:
                self.accountForInput()
                self.scheduleWake()
                return false
            case .hold:
                self.accountForInput()
                self.pauseOrResumeReading()
                return false
            case .yield:
                self.accountForInput()
                self.pauseOrResumeReading()
                return true
            case .pong(let payload):
                self.send { WebSocketFrame.write(.pong, payload: payload, into: &$0) }
            case .leave(let end):
                self.ended(end)
                self.leave()
            case .answerClose(let code):
                self.send { WebSocketFrame.writeClose(code: code, reason: "", into: &$0) }
            case .fail(let failure):
                self.sayGoodbye(
                    .protocolFailure(code: failure.code.rawValue, reason: failure.reason, label: failure.kind.rawValue)
                )
            case .watchWrites:
                self.watchWrites()
            case .end:
                self.watchWrites()
                self.shard.flushNotes()
                if !self.machine.isBehind { self.allWritten() }
            }
        }
    }

    private func pauseOrResumeReading() {
        let pauses = self.machine.isReadingPaused
        guard pauses != self.isReadingPaused else { return }
        self.isReadingPaused = pauses
        self.context?.channel.setOption(.autoRead, value: !pauses).whenFailure { _ in }
    }

    /// Deals with what was held, now or when it is this connection's turn.
    func releaseHeldInput() {
        guard let input = self.machine.takeHeld() else { return }
        if self.goOn(with: input) { self.shard.waitForTurn(self, isGreedy: true) }
    }

    /// - Returns: Whether there is more.
    private func goOn(with input: consuming ByteBuffer) -> Bool {
        let now = self.shard.eventLoop.now
        self.shard.context.now = now
        let hasMore = self.process(input, at: now)
        self.accountForInput()
        self.pauseOrResumeReading()
        if self.machine.isInputOver { self.context?.close(promise: nil) }
        return hasMore
    }

    // MARK: The end

    /// Closes with a code: topics are left at once, the frame goes out, and the peer gets a while to answer.
    open func close(_ reason: CloseReason) {
        guard self.machine.close(at: self.shard.eventLoop.now) else { return }
        self.sayGoodbye(reason)
    }

    private func sayGoodbye(_ reason: CloseReason) {
        self.shard.metrics.closes[reason.label, default: 0] += 1
        self.profile.logClosing(self.connection, reason)
        self.answerHandshake()
        self.leave()
        self.send {
            WebSocketFrame.writeClose(code: WebSocketCloseCode(rawValue: reason.code), reason: reason.reason, into: &$0)
        }
        self.releaseHeldInput()
        self.scheduleWake()
    }

    /// From here on every write comes by, so that we learn when the last is through.
    private func watchWrites() {
        self.updateDirectHandle()
        if self.connection == nil, self.pipelineWrites == 0 { self.allWritten() }
        self.scheduleWake()
    }

    func updateDirectHandle() {
        self.connection?.directHandle = self.machine.writesDirectly ? self.socket : nil
    }

    // MARK: Time

    func scheduleWake() {
        guard let connection = self.connection else { return self.scheduleEndWithoutHub() }
        if let deadline = self.machine.nextDeadline(lastSent: connection.lastSent) {
            self.shard.wake(connection, at: deadline)
        }
    }

    /// The hub wakes its connections; one that it does not know wakes itself, when it is about to end.
    private func scheduleEndWithoutHub() {
        guard !self.isOpen, let context = self.context else { return }
        context.eventLoop.assumeIsolated().scheduleTask(in: WebSocketConnectionMachine.lingerTime) {
            self.context?.close(promise: nil)
        }
    }

    // MARK: ConnectionDelegate

    public var isWritable: Bool { !self.machine.isBehind && self.context != nil }

    public func joinWillComplete() {}
    public func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {}
    public func publishCompleted(_ topic: TopicKey) {}

    open func expelled(_ reason: CloseReason) {
        if reason == .slowConsumer { self.shard.metrics.slowConsumerCloses += 1 }
        self.close(reason)
    }

    open func shutDown() {
        self.close(self.profile.shutdown)
    }

    open func wake(now: NIODeadline) {
        switch self.machine.timePassed(to: now, lastSent: self.connection?.lastSent ?? now) {
        case .nothing: break
        case .ping: self.send { WebSocketFrame.writeHeader(opcode: .ping, payloadBytes: 0, into: &$0) }
        case .close(let reason): self.close(reason)
        case .expel: return self.expelled(.slowConsumer)
        case .end: self.context?.close(promise: nil)
        }
        self.scheduleWake()
    }
}

extension WebSocketHandler: TurnTaker {
    public func takeTurn() -> Bool {
        guard let input = self.machine.beginTurn() else { return false }
        return self.goOn(with: input)
    }
}

@available(*, unavailable)
extension WebSocketHandler: Sendable {}
