internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// Reads request heads and decides by them alone: a WebSocket handshake ends HTTP on this connection, anything else is
/// answered by the HTTP API, one request at a time. Confined to its event loop.
final class FrontDoorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase {
        case awaitingHead
        /// A handshake whose request is not complete, or whose admission is not decided.
        case upgrading(Upgrade)
        case collecting(head: HTTPRequestHead, body: ByteBuffer)
        case responding(keepAlive: Bool, isHead: Bool)
        case exchanging(Exchange)
        /// A request that goes on to a backend, piece by piece. Without deadlines: both directions stream.
        case proxying(ProxyExchange, isRequestComplete: Bool)
        /// An answer is out and the end follows; input is thrown away.
        case closing
    }

    struct Upgrade {
        let request: UpgradeRequest
        let endpoint: any WebSocketEndpoint
        var admission: Admission?
        var isRequestComplete = false
    }

    struct Exchange {
        let exchange: any HTTPExchange
        let head: HTTPRequestHead
        var isRequestComplete = false
        /// Came before the request was complete.
        var answer: ExchangeAnswer?
    }

    let services: ListenerServices
    let headGuard: RequestHeadGuard
    var decoder: ByteToMessageHandler<HTTPRequestDecoder>
    let isSecure: Bool

    var phase = Phase.awaitingHead
    var context: ChannelHandlerContext?
    /// What came while a request was being answered, or beyond the connection's share of a loop turn.
    var queue = RequestQueue()
    /// Whether ``pump()`` is at work: what it causes is dealt with by it, not within it.
    var isPumping = false
    /// Requests answered in the present turn of the loop.
    var requestsInTurn = 0
    var isWaitingForTurn = false
    var encoder: HTTPResponseEncoder?
    var isReadHeld = false
    /// Whether the present request is a HEAD: whatever answers it has no body.
    var isHead = false
    /// Of the request that is being read or decided on, or was last.
    private var head: HTTPRequestHead?
    /// Whether the parser stops behind the present request, as after it another protocol could be spoken.
    var isParserStopped = false
    /// Whether a read is being dealt with: the parser must not be replaced from within.
    private var isInRead = false
    /// Whether it is to be replaced at the end of the read.
    private var isRenewalDue = false
    /// Of the body that is being collected.
    var progress: ProgressWatch?
    var receivedBodyBytes = 0
    var maximumBodyBytes = 0
    /// Whether the present answer is a stream of events, which has no end of its own.
    var isStreamingEvents = false
    /// What the process knows to wait here.
    var holding: MemoryLedger.Holding?
    /// What the client had not taken when we last looked, and when.
    var stall: (pending: Int, timer: Scheduled<Void>)?
    var knownPeer: SocketAddress?
    /// Whether a backend takes no more for the time being.
    var isProxyPaused = false
    /// When patience ends; moves with every request, while the timer below is set anew only when it has fired.
    var deadline: NIODeadline?
    var timer: (task: Scheduled<Void>, due: NIODeadline)?
    var response: Task<Void, Never>?

    init(
        services: ListenerServices,
        headGuard: RequestHeadGuard,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>,
        isSecure: Bool
    ) {
        self.services = services
        self.headGuard = headGuard
        self.decoder = decoder
        self.isSecure = isSecure
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.startTimeout(self.services.headerTimeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.cancelTimers()
        self.context = nil
        self.holding = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancelTimers()
        self.response?.cancel()
        self.context = nil
        self.queue.removeAll()
        self.holding = nil
        self.endExchange()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .proxying(let exchange, _) = self.phase { exchange.writabilityChanged(context.channel.isWritable) }
        self.accountForMemory()
        self.watchStall()
        self.pump()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let refusal as Refusal: self.take(.failed(refusal))
        case HTTPParserError.headerOverflow: self.take(.failed(.headersTooLarge))
        case HTTPParserError.invalidMethod:
            self.take(.failed(self.headGuard.beginsWithToken ? .unknownMethod : .badRequest))
        case HTTPParserError.invalidVersion: self.take(.failed(.unsupportedHTTPVersion))
        case is HTTPParserError: self.take(.failed(.badRequest))
        default: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { self.take(.inputClosed) }
        context.fireUserInboundEventTriggered(event)
    }

    /// No more is read while something waits behind the request that is being answered, or the client does not take what it
    /// has asked for, so that nobody can pile up work or answers here. Until then reading goes on: to stop and to begin again
    /// would cost two system calls for each request.
    func read(context: ChannelHandlerContext) {
        if self.mayNotRead {
            self.isReadHeld = true
        } else {
            context.read()
        }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = self.unwrapInboundIn(data)
        self.isInRead = true
        // Whoever goes on has not stopped.
        self.isRenewalDue = false
        self.take(.part(part))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isInRead = false
        if self.isRenewalDue { self.renewDecoder() }
        if !self.isWaitingForTurn { self.requestsInTurn = 0 }
        context.fireChannelReadComplete()
    }

    /// Behind an offer to speak another protocol, or CONNECT, the parser has stopped. As nobody took it up, what follows is the
    /// next request (RFC 9110 §7.8), for a parser of its own.
    func renewWhenRead() {
        self.isParserStopped = false
        self.isRenewalDue = true
        if !self.isInRead { self.renewDecoder() }
    }

    private func renewDecoder() {
        guard let context = self.context else { return }
        self.isRenewalDue = false
        let former = self.decoder
        self.decoder = ConnectionSetup.makeDecoder(maximumHeaderBytes: self.services.maximumHeaderBytes)
        do {
            try context.pipeline.syncOperations.addHandler(self.decoder, position: .after(former))
        } catch {
            return context.close(promise: nil)
        }
        // A little later, what it has kept goes to the one behind it, as a read of its own, in which that may stop, too.
        context.pipeline.syncOperations.removeHandler(former).assumeIsolated().whenComplete { _ in
            self.isInRead = false
            if self.isRenewalDue { self.renewDecoder() }
        }
    }

    func receive(_ item: RequestQueue.Item) {
        switch item {
        case .part(let part): self.receive(part)
        case .failed(let refusal): self.refuse(refusal)
        case .inputClosed: self.inputClosed()
        }
    }

    func receive(_ part: HTTPServerRequestPart) {
        switch (part, self.phase) {
        case (.head(let head), .awaitingHead):
            self.receive(head)
        case (.body(let piece), .collecting(let head, var body)):
            self.phase = .awaitingHead
            guard body.readableBytes + piece.readableBytes <= self.maximumBodyBytes else {
                return self.respond(to: head, ByteBuffer(), refusing: .bodyTooLarge, isBodyUnread: true)
            }
            body.writeImmutableBuffer(piece)
            self.phase = .collecting(head: head, body: body)
            self.bodyAdvanced(by: piece.readableBytes)
            self.accountForMemory()
        case (.end, .collecting(let head, let body)):
            self.requestEnded()
            self.respond(to: head, body)
        case (.body(let piece), .exchanging(let exchange)):
            self.bodyAdvanced(by: piece.readableBytes)
            exchange.exchange.received(piece)
        case (.end, .exchanging(var exchange)):
            self.requestEnded()
            exchange.isRequestComplete = true
            self.phase = .exchanging(exchange)
            exchange.exchange.ended()
            if case .exchanging(let exchange) = self.phase, let answer = exchange.answer { self.send(answer, exchange) }
        case (.body(let piece), .proxying(let exchange, _)):
            exchange.received(piece)
        case (.end, .proxying(let exchange, _)):
            // What has come behind it is for the other protocol.
            if exchange.isUpgrade { self.isParserStopped = false }
            self.requestEnded()
            self.phase = .proxying(exchange, isRequestComplete: true)
            exchange.ended()
        case (.end, .upgrading(var upgrade)):
            upgrade.isRequestComplete = true
            self.phase = .upgrading(upgrade)
            self.finishUpgradeIfReady()
        default:
            break
        }
    }

    func receive(_ head: HTTPRequestHead) {
        self.requestsInTurn += 1
        self.isHead = head.method == .HEAD
        self.head = head
        self.isParserStopped = ParserStop.isBehind(head)
        var head = head
        if let refusal = RequestRules.apply(to: &head) { return self.refuse(refusal) }
        let request = UpgradeRequest(
            head: head,
            peer: self.peer(),
            isSecure: self.isSecure,
            trusting: self.services.trustedProxies
        )
        switch self.services.route(request) {
        case .webSocket(let endpoint):
            self.upgrade(request, endpoint)
        case .exchange(let endpoint):
            if request.wantsWebSocket {
                self.upgrade(request, endpoint)
            } else {
                self.exchange(request, endpoint)
            }
        case .proxy(let endpoint):
            self.proxy(request, endpoint)
        case .http:
            self.collect(request)
        }
    }

    /// A body that is larger than its route takes, or for no route, is refused before any of it is kept.
    func collect(_ request: UpgradeRequest) {
        let head = request.head
        let maximum = self.services.http.maximumBodyBytes(for: head.method, at: request.path)
        let declared = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        let hasBody = declared > 0 || head.headers.contains(name: "Transfer-Encoding")
        guard hasBody else {
            self.phase = .collecting(head: head, body: ByteBuffer())
            return
        }
        guard let maximum else { return self.respond(to: head, ByteBuffer(), isBodyUnread: true) }
        guard declared <= maximum, maximum > 0 else {
            return self.respond(to: head, ByteBuffer(), refusing: .bodyTooLarge, isBodyUnread: true)
        }
        self.phase = .collecting(head: head, body: ByteBuffer())
        self.maximumBodyBytes = maximum
        self.beginBody()
        if head.headers.contains(name: "Expect") { self.sendContinue(head.version) }
    }

    func upgrade(_ request: UpgradeRequest, _ endpoint: any WebSocketEndpoint) {
        let upgrade = Upgrade(request: request, endpoint: endpoint)
        if self.services.state.isDraining, request.wantsWebSocket { return self.refuse(.shuttingDown, of: upgrade) }
        if let refusal = request.methodRefusal ?? endpoint.refusal(for: request) ?? request.handshakeRefusal {
            return self.refuse(refusal, of: upgrade)
        }
        guard let context = self.context else { return }
        self.phase = .upgrading(upgrade)
        self.resolve(endpoint.admit(request, on: context.eventLoop))
    }

    /// Asked of the system once.
    func peer() -> SocketAddress? {
        if let peer = self.knownPeer { return peer }
        self.knownPeer = self.context?.remoteAddress
        return self.knownPeer
    }

    // MARK: The end

    /// - Parameter upgrade: The handshake that is refused, when it is not in the phase.
    func refuse(_ refusal: Refusal, of upgrade: Upgrade? = nil) {
        if case .closing = self.phase { return }
        guard let context = self.context else { return }
        if self.isResponseBegun {
            // A second answer would be taken for part of the first.
            context.close(promise: nil)
            return
        }
        let fields = self.head.map { self.services.crossOrigin.fields(for: $0) } ?? []
        self.endExchange()
        self.count(refusal, of: upgrade)
        self.phase = .closing
        self.removeEncoder(context)
        let written = context.writeAndFlush(NIOAny(refusal.httpResponse(isHead: self.isHead, adding: fields)))
        self.close(after: written)
    }

    private func count(_ refusal: Refusal, of upgrade: Upgrade?) {
        var handshake = upgrade
        if case .upgrading(let present) = self.phase { handshake = present }
        self.services.failures.count(
            refusal,
            path: self.head?.uri,
            dialect: handshake?.endpoint.dialect,
            from: handshake?.request.remoteAddress ?? self.peer()
        )
    }

    /// Closes our side, and the whole when the client has closed its own or does not do so in time: a connection closed with
    /// unread input would be reset, and the answer lost with it.
    func close(after written: EventLoopFuture<Void>) {
        self.phase = .closing
        self.queue.removeAll()
        self.deadline = nil
        self.accountForMemory()
        self.watchStall()
        written.assumeIsolated().whenComplete { _ in
            self.accountForMemory()
            self.startTimeout(.seconds(2))
            self.context?.close(mode: .output, promise: nil)
            if self.isReadHeld {
                self.isReadHeld = false
                self.context?.read()
            }
        }
    }

    /// The client sends nothing more: whoever waits for an answer gets it, and that is the end.
    func inputClosed() {
        guard let context = self.context else { return }
        switch self.phase {
        case .awaitingHead:
            self.removeEncoder(context)
            self.close(after: context.writeAndFlush(NIOAny(ByteBuffer())))
        case .upgrading, .collecting:
            // Another protocol has no use for one direction, and a request that is not complete never will be.
            context.close(promise: nil)
        case .exchanging, .proxying, .responding, .closing:
            break
        }
    }

    func startTimeout(_ amount: TimeAmount) {
        guard let context = self.context else { return }
        let deadline = context.eventLoop.now + amount
        self.deadline = deadline
        if let timer = self.timer, timer.due <= deadline { return }
        self.setTimer(to: deadline, context.eventLoop)
    }

    func setTimer(to due: NIODeadline, _ eventLoop: any EventLoop) {
        self.timer?.task.cancel()
        self.timer = (eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.timerFired() }, due)
    }

    func timerFired() {
        self.timer = nil
        guard let deadline = self.deadline, let context = self.context else { return }
        if deadline > context.eventLoop.now { return self.setTimer(to: deadline, context.eventLoop) }
        self.deadline = nil
        self.timedOut()
    }

    func cancelTimers() {
        self.timer?.task.cancel()
        self.timer = nil
        self.deadline = nil
        self.stall?.timer.cancel()
        self.stall = nil
    }

    func timedOut() {
        switch self.phase {
        case .closing:
            self.context?.close(promise: nil)
        case .awaitingHead where !self.queue.isEmpty || self.pendingBytes > 0:
            // It is our turn, or the client's to read: ``watchStall()`` sees to that.
            self.startTimeout(self.services.headerTimeout)
        case .awaitingHead where !self.headGuard.hasPartialHead:
            self.context?.close(promise: nil)
        case .awaitingHead, .collecting, .upgrading:
            self.refuse(.requestTimeout)
        case .exchanging(let exchange):
            // An answer may take its time; a request may not.
            if !exchange.isRequestComplete { self.refuse(.requestTimeout) }
        case .proxying, .responding:
            break
        }
    }
}

@available(*, unavailable)
extension FrontDoorHandler: Sendable {}
