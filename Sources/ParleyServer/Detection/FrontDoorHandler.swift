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
        /// A request that goes on to a backend, piece by piece.
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
    let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    let isSecure: Bool

    var phase = Phase.awaitingHead
    var context: ChannelHandlerContext?
    /// Requests that came while another was being answered.
    var queued = CircularBuffer<HTTPServerRequestPart>()
    var encoder: HTTPResponseEncoder?
    var isReadHeld = false
    var knownPeer: SocketAddress?
    var knownPeerAddress: String?
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
        self.cancelTimer()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.cancelTimer()
        self.response?.cancel()
        self.context = nil
        self.endExchange()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .proxying(let exchange, _) = self.phase { exchange.writabilityChanged(context.channel.isWritable) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let refusal as Refusal:
            self.refuse(refusal)
        case HTTPParserError.headerOverflow:
            self.refuse(.headersTooLarge)
        case is HTTPParserError:
            self.refuse(.badRequest)
        default:
            context.close(promise: nil)
        }
    }

    /// No more is read while something waits behind the request that is being answered, so that a client cannot pile up work
    /// here. Until then reading goes on: to stop and to begin again would cost two system calls for each request.
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
        if self.isAnswering {
            self.queued.append(part)
        } else {
            self.receive(part)
        }
    }

    func receive(_ part: HTTPServerRequestPart) {
        switch (part, self.phase) {
        case (.head(let head), .awaitingHead):
            self.receive(head)
        case (.body(let piece), .collecting(let head, var body)):
            self.phase = .awaitingHead
            guard body.readableBytes + piece.readableBytes <= self.services.maximumBodyBytes else {
                return self.refuse(.bodyTooLarge)
            }
            body.writeImmutableBuffer(piece)
            self.phase = .collecting(head: head, body: body)
            self.startTimeout(self.services.bodyTimeout)
        case (.end, .collecting(let head, let body)):
            self.deadline = nil
            self.respond(to: head, body)
        case (.body(let piece), .exchanging(let exchange)):
            self.startTimeout(self.services.bodyTimeout)
            exchange.exchange.received(piece)
        case (.end, .exchanging(var exchange)):
            self.deadline = nil
            exchange.isRequestComplete = true
            self.phase = .exchanging(exchange)
            exchange.exchange.ended()
            if case .exchanging(let exchange) = self.phase, let answer = exchange.answer { self.send(answer, exchange) }
        case (.body(let piece), .proxying(let exchange, _)):
            self.startTimeout(self.services.bodyTimeout)
            exchange.received(piece)
        case (.end, .proxying(let exchange, _)):
            self.deadline = nil
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
        if let refusal = Self.refusal(for: head) { return self.refuse(refusal) }
        let request = UpgradeRequest(
            head: head,
            remoteAddress: self.peer(),
            isSecure: self.isSecure
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
            self.phase = .collecting(head: head, body: ByteBuffer())
            self.startTimeout(self.services.bodyTimeout)
            if head.headers.contains(name: "Expect") { self.sendContinue(head.version) }
        }
    }

    func upgrade(_ request: UpgradeRequest, _ endpoint: any WebSocketEndpoint) {
        if self.services.state.isDraining, request.wantsWebSocket { return self.refuse(.shuttingDown) }
        if let refusal = endpoint.refusal(for: request) ?? request.handshakeRefusal { return self.refuse(refusal) }
        guard let context = self.context else { return }
        self.phase = .upgrading(Upgrade(request: request, endpoint: endpoint))
        self.resolve(endpoint.admit(request, on: context.eventLoop))
    }

    /// Asked of the system once.
    func peer() -> SocketAddress? {
        if let peer = self.knownPeer { return peer }
        self.knownPeer = self.context?.remoteAddress
        return self.knownPeer
    }

    static func refusal(for head: HTTPRequestHead) -> Refusal? {
        if head.headers["Host"].count > 1 || (head.version == .http1_1 && !head.headers.contains(name: "Host")) {
            return .repeatedHost
        }
        if head.headers.contains(name: "Content-Length"), head.headers.contains(name: "Transfer-Encoding") {
            return .ambiguousLength
        }
        return nil
    }

    // MARK: The end

    func refuse(_ refusal: Refusal) {
        if case .closing = self.phase { return }
        guard let context = self.context else { return }
        if self.isResponseBegun {
            // A second answer would be taken for part of the first.
            context.close(promise: nil)
            return
        }
        self.endExchange()
        self.services.failures.count(refusal)
        self.phase = .closing
        self.removeEncoder(context)
        let written = context.writeAndFlush(NIOAny(refusal.httpResponse))
        self.close(after: written)
    }

    /// Closes our side, and the whole when the client has closed its own or does not do so in time: a connection closed with
    /// unread input would be reset, and the answer lost with it.
    func close(after written: EventLoopFuture<Void>) {
        self.phase = .closing
        self.startTimeout(.seconds(2))
        written.assumeIsolated().whenComplete { _ in
            self.context?.close(mode: .output, promise: nil)
            if self.isReadHeld {
                self.isReadHeld = false
                self.context?.read()
            }
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

    func cancelTimer() {
        self.timer?.task.cancel()
        self.timer = nil
        self.deadline = nil
    }

    func timedOut() {
        switch self.phase {
        case .closing:
            self.context?.close(promise: nil)
        case .awaitingHead where !self.headGuard.hasPartialHead:
            self.context?.close(promise: nil)
        case .awaitingHead, .collecting, .upgrading:
            self.refuse(.requestTimeout)
        case .exchanging(let exchange):
            // An answer may take its time; a request may not.
            if !exchange.isRequestComplete { self.refuse(.requestTimeout) }
        case .proxying(_, let isRequestComplete):
            // One that is held, or that a backend does not take, is not late.
            if !isRequestComplete, !self.isProxyPaused { self.context?.close(promise: nil) }
        case .responding:
            break
        }
    }
}

@available(*, unavailable)
extension FrontDoorHandler: Sendable {}
