internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1
internal import ParleyHub
internal import ParleyModel
internal import Synchronization
internal import WebSocketProtocol

/// Reads request heads and decides by them alone: a WebSocket handshake ends HTTP on this connection, anything else is
/// answered by the HTTP API, one request at a time. Confined to its event loop.
final class FrontDoorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
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

    private struct Upgrade {
        let request: UpgradeRequest
        let endpoint: any WebSocketEndpoint
        var admission: Admission?
        var isRequestComplete = false
    }

    private struct Exchange {
        let exchange: any HTTPExchange
        let head: HTTPRequestHead
        var isRequestComplete = false
        /// Came before the request was complete.
        var answer: ExchangeAnswer?
    }

    private let services: ListenerServices
    private let headGuard: RequestHeadGuard
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let isSecure: Bool

    private var phase = Phase.awaitingHead
    private var context: ChannelHandlerContext?
    /// Requests that came while another was being answered.
    private var queued = CircularBuffer<HTTPServerRequestPart>()
    private var encoder: HTTPResponseEncoder?
    private var isReadHeld = false
    private var knownPeer: SocketAddress?
    private var knownPeerAddress: String?
    /// Whether a backend takes no more for the time being.
    private var isProxyPaused = false
    /// When patience ends; moves with every request, while the timer below is set anew only when it has fired.
    private var deadline: NIODeadline?
    private var timer: (task: Scheduled<Void>, due: NIODeadline)?
    private var response: Task<Void, Never>?

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

    private func receive(_ part: HTTPServerRequestPart) {
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

    private func receive(_ head: HTTPRequestHead) {
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

    private func upgrade(_ request: UpgradeRequest, _ endpoint: any WebSocketEndpoint) {
        if self.services.state.isDraining, request.wantsWebSocket { return self.refuse(.shuttingDown) }
        if let refusal = endpoint.refusal(for: request) ?? request.handshakeRefusal { return self.refuse(refusal) }
        guard let context = self.context else { return }
        self.phase = .upgrading(Upgrade(request: request, endpoint: endpoint))
        self.resolve(endpoint.admit(request, on: context.eventLoop))
    }

    /// Asked of the system once.
    private func peer() -> SocketAddress? {
        if let peer = self.knownPeer { return peer }
        self.knownPeer = self.context?.remoteAddress
        return self.knownPeer
    }

    private static func refusal(for head: HTTPRequestHead) -> Refusal? {
        if head.headers["Host"].count > 1 || (head.version == .http1_1 && !head.headers.contains(name: "Host")) {
            return .repeatedHost
        }
        if head.headers.contains(name: "Content-Length"), head.headers.contains(name: "Transfer-Encoding") {
            return .ambiguousLength
        }
        return nil
    }

    // MARK: WebSocket

    private func resolve(_ admission: Admission) {
        guard case .upgrading(var upgrade) = self.phase else { return }
        switch admission {
        case .refuse(let refusal):
            self.refuse(refusal)
        case .accept:
            upgrade.admission = admission
            self.phase = .upgrading(upgrade)
            self.finishUpgradeIfReady()
        case .pending(let later):
            later.assumeIsolated().whenComplete { result in
                self.resolve((try? result.get()) ?? .refuse(.internalError))
            }
        }
    }

    /// Ends HTTP on this connection, once the whole request is in and somebody has said yes.
    private func finishUpgradeIfReady() {
        guard case .upgrading(let upgrade) = self.phase, upgrade.isRequestComplete, let context = self.context,
            case .accept(let acceptance) = upgrade.admission, let key = upgrade.request.header("Sec-WebSocket-Key")
        else { return }
        // Asked again: the goodbye may have been said while somebody thought about the admission.
        if self.services.state.isDraining { return self.refuse(.shuttingDown) }
        let permit: ConnectionPermit
        switch self.services.limits.acquire(address: self.peer()) {
        case .success(let acquired): permit = acquired
        case .failure(let refusal): return self.refuse(refusal)
        }
        let compression = upgrade.endpoint.compression.flatMap {
            PerMessageDeflate.negotiate(offers: upgrade.request.head.headers["Sec-WebSocket-Extensions"], policy: $0)
        }
        self.phase = .closing
        let pipeline = context.pipeline.syncOperations
        let extensions = compression?.responseHeader
        if let eventLoop = acceptance.eventLoop, eventLoop !== context.eventLoop {
            let mover = ConnectionMover(channel: context.channel, isSecure: self.isSecure, to: eventLoop) {
                [hub = self.services.hub] in
                let shard = hub.shard(on: eventLoop)
                return acceptance.makeHandler(
                    HandshakeEnvironment(
                        hub: hub,
                        shard: shard,
                        compression: compression?.0,
                        permit: permit,
                        // What arrives there is in the clear.
                        isSecure: false
                    )
                )
            }
            do {
                try pipeline.addHandler(mover)
            } catch {
                permit.release()
                context.close(promise: nil)
                return
            }
            self.removeHTTP(context).whenComplete { _ in mover.move(answering: key, extensions: extensions) }
            return
        }
        let handler = acceptance.makeHandler(
            HandshakeEnvironment(
                hub: self.services.hub,
                shard: self.services.hub.shard(on: context.eventLoop),
                compression: compression?.0,
                permit: permit,
                isSecure: self.isSecure
            )
        )
        do {
            try pipeline.addHandler(handler)
        } catch {
            // A channel that is closed already: nobody will tell the handler so.
            handler.abandon()
            context.close(promise: nil)
            return
        }
        // What is said before the hub knows the connection goes through the pipeline, and is no part of a response.
        self.removeEncoder(context)
        // The answer goes the way of the frames: in order with them, and with the first of them in one packet.
        handler.start(answering: key, extensions: extensions)
        _ = self.removeHTTP(context)
        // Our own way to the channel is gone by now.
        if self.isReadHeld { context.channel.read() }
    }

    /// Takes the handlers of HTTP out of the pipeline.
    fileprivate func removeHTTP(_ context: ChannelHandlerContext) -> EventLoopFuture<Void>.Isolated {
        let pipeline = context.pipeline.syncOperations
        self.removeEncoder(context)
        pipeline.removeHandler(self).whenFailure { _ in }
        pipeline.removeHandler(self.headGuard).whenFailure { _ in }
        // Last: what came behind the handshake is passed on when the decoder goes.
        return pipeline.removeHandler(self.decoder).assumeIsolated()
    }

    // MARK: Exchanges

    private func exchange(_ request: UpgradeRequest, _ endpoint: any ExchangeEndpoint) {
        guard let context = self.context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let exchange = endpoint.exchange(for: request, on: context.eventLoop) { bound.value.answer($0) }
        self.phase = .exchanging(Exchange(exchange: exchange, head: request.head))
        self.startTimeout(self.services.bodyTimeout)
        if request.head.headers.contains(name: "Expect") { self.sendContinue(request.head.version) }
        exchange.begin()
    }

    private func answer(_ answer: ExchangeAnswer) {
        guard case .exchanging(var exchange) = self.phase else { return }
        if exchange.isRequestComplete || answer.closes {
            self.send(answer, exchange)
        } else {
            exchange.answer = answer
            self.phase = .exchanging(exchange)
        }
    }

    private func send(_ answer: ExchangeAnswer, _ exchange: Exchange) {
        guard let context = self.context else { return }
        self.deadline = nil
        let isHead = exchange.head.method == .HEAD
        self.phase = .responding(
            keepAlive: exchange.head.isKeepAlive && !answer.closes && !self.services.state.isDraining,
            isHead: isHead
        )
        self.addEncoder(context)
        var head = HTTPResponseHead(version: exchange.head.version, status: answer.status, headers: answer.headers)
        if answer.status != .noContent, answer.status != .notModified {
            head.headers.add(name: "Content-Length", value: "\(answer.body.readableBytes)")
        }
        _ = self.write(.head(head))
        if !isHead, answer.body.readableBytes > 0 {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        _ = self.write(.end(nil))
    }

    /// Tells an exchange that nobody waits for its answer any more.
    private func endExchange() {
        switch self.phase {
        case .exchanging(let exchange):
            self.phase = .closing
            exchange.exchange.aborted()
        case .proxying(let exchange, _):
            self.phase = .closing
            exchange.aborted()
        case .awaitingHead, .upgrading, .collecting, .responding, .closing:
            break
        }
    }

    // MARK: Plain HTTP

    private func respond(to head: HTTPRequestHead, _ body: ByteBuffer) {
        guard let context = self.context,
            let request = try? HTTPRequest(head, secure: self.isSecure, splitCookie: false)
        else {
            return self.refuse(.badRequest)
        }
        self.phase = .responding(
            keepAlive: head.isKeepAlive && !self.services.state.isDraining,
            isHead: head.method == .HEAD
        )
        self.addEncoder(context)
        let sink = ResponseSink(
            handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            eventLoop: context.eventLoop,
            version: head.version
        )
        let http = self.services.http
        let channel = context.channel
        self.response = Task {
            let response = await http.respond(to: Request(head: request, body: RequestBody(buffer: body)), on: channel)
            await sink.send(response)
        }
    }

    /// A connection that goes straight to WebSocket never needs one.
    private func addEncoder(_ context: ChannelHandlerContext) {
        guard self.encoder == nil else { return }
        let encoder = HTTPResponseEncoder()
        self.encoder = encoder
        try? context.pipeline.syncOperations.addHandler(encoder, position: .before(self))
    }

    fileprivate func removeEncoder(_ context: ChannelHandlerContext) {
        guard let encoder = self.encoder else { return }
        self.encoder = nil
        context.pipeline.syncOperations.removeHandler(encoder).whenFailure { _ in }
    }

    private func sendContinue(_ version: HTTPVersion) {
        guard let context = self.context, version == .http1_1 else { return }
        self.addEncoder(context)
        context.writeAndFlush(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))),
            promise: nil
        )
    }

    /// Writes the body of the present response, to go with its end.
    fileprivate func writeUnflushed(_ body: ByteBuffer) {
        guard let context = self.context, case .responding(_, isHead: false) = self.phase else { return }
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }

    /// Writes a part of the present response.
    fileprivate func write(_ part: HTTPServerResponsePart) -> EventLoopFuture<Void>? {
        guard let context = self.context, case .responding(let keepAlive, let isHead) = self.phase else { return nil }
        switch part {
        case .head(var head):
            if !keepAlive { head.headers.replaceOrAdd(name: "Connection", value: "close") }
            // Goes with the first piece of the body, or with the end.
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            return context.eventLoop.makeSucceededVoidFuture()
        case .body:
            return isHead
                ? context.eventLoop.makeSucceededVoidFuture() : context.writeAndFlush(self.wrapOutboundOut(part))
        case .end:
            let written = context.writeAndFlush(self.wrapOutboundOut(part))
            self.response = nil
            if keepAlive {
                self.phase = .awaitingHead
                self.headGuard.expectHead()
                self.startTimeout(self.services.headerTimeout)
                self.resumeReading()
            } else {
                self.close(after: written)
            }
            return written
        }
    }

    /// The response broke off: the client must not take it for a whole one.
    func abort() {
        self.context?.close(promise: nil)
    }

    /// Goes on with what came during the response, and with reading when that is used up.
    private func resumeReading() {
        while !self.isAnswering, !self.queued.isEmpty {
            self.receive(self.queued.removeFirst())
        }
        if self.isReadHeld, !self.mayNotRead {
            self.isReadHeld = false
            self.context?.read()
        }
    }

    private var mayNotRead: Bool {
        if case .proxying = self.phase, self.isProxyPaused { return true }
        return self.isAnswering && !self.queued.isEmpty
    }

    /// Whether a complete request waits for its answer, or the answer is on its way.
    private var isAnswering: Bool {
        switch self.phase {
        case .responding: return true
        case .exchanging(let exchange): return exchange.isRequestComplete
        case .proxying(_, let isRequestComplete): return isRequestComplete || self.isProxyPaused
        case .awaitingHead, .upgrading, .collecting, .closing: return false
        }
    }

    private var isResponseBegun: Bool {
        switch self.phase {
        case .responding: return true
        case .proxying(let exchange, _): return exchange.hasResponse
        case .awaitingHead, .upgrading, .collecting, .exchanging, .closing: return false
        }
    }

    // MARK: The end

    private func refuse(_ refusal: Refusal) {
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
    private func close(after written: EventLoopFuture<Void>) {
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

    private func startTimeout(_ amount: TimeAmount) {
        guard let context = self.context else { return }
        let deadline = context.eventLoop.now + amount
        self.deadline = deadline
        if let timer = self.timer, timer.due <= deadline { return }
        self.setTimer(to: deadline, context.eventLoop)
    }

    private func setTimer(to due: NIODeadline, _ eventLoop: any EventLoop) {
        self.timer?.task.cancel()
        self.timer = (eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.timerFired() }, due)
    }

    private func timerFired() {
        self.timer = nil
        guard let deadline = self.deadline, let context = self.context else { return }
        if deadline > context.eventLoop.now { return self.setTimer(to: deadline, context.eventLoop) }
        self.deadline = nil
        self.timedOut()
    }

    private func cancelTimer() {
        self.timer?.task.cancel()
        self.timer = nil
        self.deadline = nil
    }

    private func timedOut() {
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

/// What a proxied exchange does here.
extension FrontDoorHandler: ProxyDownstream {
    private func proxy(_ request: UpgradeRequest, _ endpoint: ProxyEndpoint) {
        guard let context = self.context, let pool = endpoint.pool(on: context.eventLoop) else { return }
        // Responses of backends are written as they are.
        self.removeEncoder(context)
        self.isProxyPaused = false
        let exchange = ProxyExchange(request, endpoint, pool: pool, eventLoop: context.eventLoop, downstream: self)
        self.phase = .proxying(exchange, isRequestComplete: false)
        self.startTimeout(self.services.bodyTimeout)
        exchange.begin()
    }

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    var peerAddress: String {
        if let address = self.knownPeerAddress { return address }
        let address = self.peer()?.clientIP ?? "unknown"
        self.knownPeerAddress = address
        return address
    }

    func setReading(_ isReading: Bool) {
        guard self.isProxyPaused == isReading else { return }
        self.isProxyPaused = !isReading
        guard isReading else { return }
        if case .proxying(_, isRequestComplete: false) = self.phase { self.startTimeout(self.services.bodyTimeout) }
        self.resumeReading()
    }

    func write(_ bytes: ByteBuffer) { self.context?.write(NIOAny(bytes), promise: nil) }
    func flush() { self.context?.flush() }

    func finish(keepsAlive: Bool) {
        guard let context = self.context, case .proxying = self.phase else { return }
        self.isProxyPaused = false
        if keepsAlive, !self.services.state.isDraining {
            self.phase = .awaitingHead
            self.headGuard.expectHead()
            self.startTimeout(self.services.headerTimeout)
            self.resumeReading()
        } else {
            self.close(after: context.writeAndFlush(NIOAny(ByteBuffer())))
        }
    }

    func tunnel(to upstream: any Channel, through handlers: TunnelHandlers) {
        guard let context = self.context else {
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        self.deadline = nil
        self.phase = .closing
        let pipeline = upstream.pipeline.syncOperations
        do {
            try context.pipeline.syncOperations.addHandler(handlers.client)
        } catch {
            // The client is gone already.
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        do {
            try pipeline.addHandler(handlers.backend)
        } catch {
            return context.close(promise: nil)
        }
        // Revoked, or ended, in this very moment.
        if !upstream.isActive { context.close(promise: nil) }
        // What came behind the heads is passed on when the decoders go, outside of any read.
        let client = context.channel
        UpstreamPool.removeHTTP(from: pipeline)?.assumeIsolated().whenComplete { _ in
            client.flush()
            handlers.onStart()
        }
        self.removeHTTP(context).whenComplete { _ in upstream.flush() }
        if self.isReadHeld { client.read() }
    }
}

/// Carries a response from the task that made it to the connection, part by part, each written before the next is asked for.
private struct ResponseSink: Sendable {
    let handler: NIOLoopBound<FrontDoorHandler>
    let eventLoop: any EventLoop
    let version: HTTPVersion

    func send(_ response: Response) async {
        var head = HTTPResponseHead(
            version: self.version,
            status: .init(statusCode: response.status.code, reasonPhrase: response.status.reasonPhrase)
        )
        for field in response.headers { head.headers.add(name: field.name.rawName, value: field.value) }
        // An answer to HEAD names the length that GET would have (RFC 9110 §8.6), and has no body.
        if let length = response.body.contentLength, response.status != .noContent,
            !head.headers.contains(name: "Content-Length")
        {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(length)")
        }
        do {
            if let length = response.body.contentLength, length <= Self.maximumWholeBytes {
                return try await self.sendWhole(head, response.body)
            }
            try await self.write(.head(head))
            try await response.body.write(BodyWriter(sink: self))
        } catch {
            self.eventLoop.execute { self.handler.value.abort() }
        }
    }

    /// Responses up to here go to the connection in one piece.
    private static let maximumWholeBytes = 64 * 1024

    /// One way to the event loop instead of one for each part.
    private func sendWhole(_ head: HTTPResponseHead, _ body: ResponseBody) async throws {
        let collector = BodyCollector()
        try await body.write(CollectingWriter(collector: collector))
        let bytes = collector.bytes.withLock { $0 }
        self.eventLoop.execute {
            _ = self.handler.value.write(.head(head))
            if bytes.readableBytes > 0 { self.handler.value.writeUnflushed(bytes) }
            _ = self.handler.value.write(.end(nil))
        }
    }

    private final class BodyCollector: Sendable {
        let bytes = Mutex(ByteBuffer())
    }

    private struct CollectingWriter: ResponseBodyWriter {
        let collector: BodyCollector

        mutating func write(_ buffer: ByteBuffer) async throws {
            _ = self.collector.bytes.withLock { $0.writeImmutableBuffer(buffer) }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    fileprivate func write(_ part: HTTPServerResponsePart) async throws {
        let written = self.eventLoop.flatSubmit {
            self.handler.value.write(part) ?? self.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        try await written.get()
    }

    private struct BodyWriter: ResponseBodyWriter {
        let sink: ResponseSink

        mutating func write(_ buffer: ByteBuffer) async throws {
            try await self.sink.write(.body(.byteBuffer(buffer)))
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
            try await self.sink.write(.end(nil))
        }
    }
}

extension Refusal {
    /// The whole answer, as bytes; the connection is closed after it.
    var httpResponse: ByteBuffer {
        let reason = HTTPResponseStatus(statusCode: self.status).reasonPhrase
        var text = "HTTP/1.1 \(self.status) \(reason)\r\nContent-Type: text/plain; charset=utf-8\r\n"
        let end = self.isBare ? "" : "\n"
        text += "Content-Length: \(self.text.utf8.count + end.utf8.count)\r\n"
        for header in self.headers where header.name != "Connection" { text += "\(header.name): \(header.value)\r\n" }
        // A sender of Upgrade names it in Connection (RFC 9110 §7.8).
        let connection = (self.headers.filter { $0.name == "Connection" }.map(\.value) + ["close"]).joined(
            separator: ", "
        )
        text += "Connection: \(connection)\r\n\r\n\(self.text)\(end)"
        return ByteBuffer(string: text)
    }
}
