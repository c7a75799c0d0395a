internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel

/// Drives a connection while HTTP is spoken there: ``FrontDoorMachine`` decides, and its actions are done here.
///
/// Confined to its event loop.
final class FrontDoorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Who has the present request, until there is an answer.
    enum Party {
        case nobody
        case routed(UpgradeRequest, Route)
        case handshake(UpgradeRequest, any WebSocketEndpoint, (any WebSocketAcceptance)?)
        case exchange(any HTTPExchange, UpgradeRequest)
        case proxy(any ForwardedExchange, UpgradeRequest)

        var request: UpgradeRequest? {
            switch self {
            case .nobody: nil
            case .routed(let request, _), .handshake(let request, _, _), .exchange(_, let request),
                .proxy(_, let request):
                request
            }
        }

        /// What is spoken where a handshake is meant to go.
        var dialect: DialectName? {
            switch self {
            case .routed(let request, let route): route.webSocket(for: request)?.dialect
            case .handshake(_, let endpoint, _): endpoint.dialect
            case .nobody, .exchange, .proxy: nil
            }
        }
    }

    let services: ListenerServices
    let headGuard: RequestHeadGuard
    var decoder: ByteToMessageHandler<HTTPRequestDecoder>
    let isSecure: Bool

    var machine: FrontDoorMachine
    var party = Party.nobody
    var context: ChannelHandlerContext?
    /// Whether ``drive()`` is at work: what it causes is dealt with by it, not within it.
    private var isDriving = false
    var encoder: HTTPResponseEncoder?
    /// The end of the latest answer, where nothing else was written since.
    var lastWrite: EventLoopFuture<Void>?
    /// What makes an answer of the HTTP API.
    var response: Task<Void, Never>?
    private var timer: (task: Scheduled<Void>, due: NIODeadline)?
    private var outputWatch = OutputWatch()
    private var outputTimer: Scheduled<Void>?
    /// What the process knows to wait here.
    private var holding: MemoryLedger.Holding?
    private var knownPeer: Peer?

    init(
        services: ListenerServices,
        headGuard: RequestHeadGuard,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>,
        isSecure: Bool,
        now: NIODeadline
    ) {
        self.services = services
        self.headGuard = headGuard
        self.decoder = decoder
        self.isSecure = isSecure
        self.machine = FrontDoorMachine(
            patience: FrontDoorMachine.Patience(head: services.headerTimeout, body: services.bodyTimeout),
            now: now
        )
    }

    // MARK: What happens

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.drive()
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
        self.holding = nil
        self.machine.left()
        self.abandon()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.take(.part(self.unwrapInboundIn(data)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.machine.readCompleted()
        self.drive()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if self.machine.readRequested() { context.read() } else { self.drive() }
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

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.machine.writabilityChanged(to: isWritable)
        if case .proxy(let exchange, _) = self.party { exchange.writabilityChanged(isWritable) }
        self.accountForMemory()
        self.watchOutput()
        self.drive()
        context.fireChannelWritabilityChanged()
    }

    private func take(_ item: RequestQueue.Item) {
        self.machine.received(item, at: self.moment)
        self.drive()
    }

    var moment: FrontDoorMachine.Moment {
        FrontDoorMachine.Moment(
            now: self.context?.eventLoop.now ?? .distantPast,
            isDraining: self.services.state.isDraining
        )
    }

    // MARK: What is done about it

    /// Does what the machine says, until it has nothing more to say.
    func drive() {
        guard !self.isDriving else { return }
        self.isDriving = true
        while let context = self.context, let action = self.machine.next(at: self.moment) {
            self.perform(action, context)
        }
        self.isDriving = false
        if self.machine.waitingBytes > 0 || self.holding != nil { self.accountForMemory() }
        self.setTimer()
    }

    private func perform(_ action: FrontDoorMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .route(let head): self.route(head)
        case .askForAdmission: self.askForAdmission(context)
        case .upgrade: self.upgrade(context)
        case .openExchange: self.openExchange(context)
        case .openProxy: self.openProxy(context)
        case .forward(let piece): self.forward(piece)
        case .forwardEnd: self.forwardEnd()
        case .forwardInputClosed: if case .exchange(let exchange, _) = self.party { exchange.inputClosed() }
        case .abandon: self.abandon()
        case .sendContinue(let version): self.sendContinue(version, context)
        case .answer(let answer, let version): self.write(answer, version, context)
        case .respond(let head, let body, let refusal): self.respond(to: head, body, refusing: refusal, context)
        case .refuse(let refusal, let isHead, let head): self.refuse(refusal, isHead: isHead, head, context)
        case .finish: self.finish(context)
        case .closeOutput: context.close(mode: .output, promise: nil)
        case .close: context.close(promise: nil)
        case .renewDecoder: self.renewDecoder(context)
        case .expectHead: self.headGuard.expectHead()
        case .read: context.read()
        case .waitForTurn: self.services.hub.shard(on: context.eventLoop).waitForTurn(self, isGreedy: true)
        }
    }

    private func route(_ head: HTTPRequestHead) {
        let request = UpgradeRequest(
            head: head,
            peer: self.peer(),
            isSecure: self.isSecure,
            trusting: self.services.trustedProxies
        )
        let route = self.services.routes.route(request)
        self.party = .routed(request, route)
        let moment = self.moment
        self.machine.routed(
            to: Destination(of: request, by: route, in: self.services.routes, isDraining: moment.isDraining),
            at: moment
        )
    }

    private func forward(_ piece: ByteBuffer) {
        switch self.party {
        case .exchange(let exchange, _): exchange.received(piece)
        case .proxy(let exchange, _): exchange.received(piece)
        case .nobody, .routed, .handshake: break
        }
    }

    private func forwardEnd() {
        switch self.party {
        case .exchange(let exchange, _): exchange.ended()
        case .proxy(let exchange, _): exchange.ended()
        case .nobody, .routed, .handshake: break
        }
    }

    private func abandon() {
        let party = self.party
        self.party = .nobody
        switch party {
        case .exchange(let exchange, _): exchange.aborted()
        case .proxy(let exchange, _): exchange.aborted()
        case .nobody, .routed, .handshake: break
        }
    }

    private func renewDecoder(_ context: ChannelHandlerContext) {
        let former = self.decoder
        let decoder = ConnectionSetup.makeDecoder(maximumHeaderBytes: self.services.maximumHeaderBytes)
        do {
            try context.pipeline.syncOperations.addHandler(decoder, position: .after(former))
        } catch {
            return context.close(promise: nil)
        }
        self.decoder = decoder
        // A little later, what it has kept goes to the one behind it.
        context.pipeline.syncOperations.removeHandler(former).assumeIsolated().whenComplete { _ in
            self.machine.decoderRenewed()
            self.drive()
        }
    }

    /// Asked of the system once.
    private func peer() -> Peer? {
        if let peer = self.knownPeer { return peer }
        self.knownPeer = self.context?.remoteAddress.map { Peer($0) }
        return self.knownPeer
    }

    /// Who has sent the present request, behind proxies that are trusted; where nobody knows, the last of those.
    func client() -> SocketAddress? { self.party.request?.remoteAddress ?? self.peer()?.address }

    // MARK: Time

    /// The deadline moves with every request; the timer is set anew only when it has fired.
    private func setTimer() {
        guard let context = self.context, let deadline = self.machine.deadline else { return }
        if let timer = self.timer, timer.due <= deadline { return }
        self.timer?.task.cancel()
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        self.timer = (task, deadline)
    }

    private func timerFired() {
        self.timer = nil
        self.machine.deadlineReached(
            at: self.moment,
            hasPartialHead: self.headGuard.hasPartialHead,
            hasPendingOutput: self.pendingBytes > 0
        )
        self.drive()
    }

    private func cancelTimers() {
        self.timer?.task.cancel()
        self.timer = nil
        self.outputTimer?.cancel()
        self.outputTimer = nil
    }

    // MARK: Memory

    /// Bytes that the client has not taken.
    var pendingBytes: Int {
        (try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Tells the process how much waits here: requests, a body, answers.
    func accountForMemory() {
        guard let context = self.context else { return }
        let bytes = self.machine.waitingBytes + self.pendingBytes
        guard bytes > 0 else {
            self.holding = nil
            return
        }
        let holding: MemoryLedger.Holding
        if let known = self.holding {
            holding = known
        } else {
            let channel = context.channel
            holding = self.services.ledger.open(.http) { channel.close(promise: nil) }
            self.holding = holding
        }
        holding.update(bytes: bytes)
    }

    /// Looks after a while whether the client takes what is written.
    func watchOutput() {
        guard self.context != nil else { return }
        self.watchOutput(self.outputWatch.began(pendingBytes: self.pendingBytes))
    }

    private func watchOutput(_ action: OutputWatch.Action) {
        guard let context = self.context else { return }
        switch action {
        case .none: break
        case .lookLater:
            self.outputTimer = context.eventLoop.assumeIsolated().scheduleTask(in: self.services.bodyTimeout) {
                self.lookAtOutput()
            }
        case .close: context.close(promise: nil)
        }
    }

    private func lookAtOutput() {
        guard let context = self.context else { return }
        self.accountForMemory()
        let isStuck = !context.channel.isWritable || self.machine.isClosing
        self.watchOutput(self.outputWatch.looked(pendingBytes: self.pendingBytes, isStuck: isStuck))
    }
}

extension FrontDoorHandler: TurnTaker {
    func takeTurn() -> Bool {
        self.machine.turnCame()
        self.drive()
        // The machine has seen to its next turn.
        return false
    }
}

@available(*, unavailable)
extension FrontDoorHandler: Sendable {}
