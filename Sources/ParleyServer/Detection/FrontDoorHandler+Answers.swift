internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1
internal import ParleyModel

/// Answers: of exchanges, which make them here, and of the HTTP API, which makes them in a task.
extension FrontDoorHandler {
    func exchange(_ request: UpgradeRequest, _ endpoint: any ExchangeEndpoint) {
        guard let context = self.context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let exchange = endpoint.exchange(for: request, on: context.eventLoop) { bound.value.answer($0) }
        self.phase = .exchanging(Exchange(exchange: exchange, head: request.head))
        self.beginBody()
        if request.head.headers.contains(name: "Expect") { self.sendContinue(request.head.version) }
        exchange.begin()
    }

    func answer(_ answer: ExchangeAnswer) {
        guard case .exchanging(var exchange) = self.phase else { return }
        if exchange.isRequestComplete || answer.closes {
            self.send(answer, exchange)
        } else {
            exchange.answer = answer
            self.phase = .exchanging(exchange)
        }
    }

    func send(_ answer: ExchangeAnswer, _ exchange: Exchange) {
        guard let context = self.context else { return }
        self.deadline = nil
        if answer.status.code >= 400 {
            self.services.failures.count(
                status: Int(answer.status.code),
                path: exchange.head.uri,
                from: self.peer()
            )
        }
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
    func endExchange() {
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

    /// - Parameters:
    ///   - refusal: Decided already; the API only gives it the form that its clients know.
    ///   - isBodyUnread: Whether the rest of the request is not worth reading.
    func respond(
        to head: HTTPRequestHead,
        _ body: ByteBuffer,
        refusing refusal: Refusal? = nil,
        isBodyUnread: Bool = false
    ) {
        if let refusal { self.services.failures.count(refusal, path: head.uri, from: self.peer()) }
        self.deadline = nil
        self.progress = nil
        guard let context = self.context,
            let request = try? HTTPRequest(head, secure: self.isSecure, splitCookie: false)
        else {
            return self.refuse(.badRequest)
        }
        self.phase = .responding(
            keepAlive: head.isKeepAlive && !isBodyUnread && !self.services.state.isDraining,
            isHead: head.method == .HEAD
        )
        self.isStreamingEvents = false
        self.addEncoder(context)
        let sink = ResponseSink(
            handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            eventLoop: context.eventLoop,
            version: head.version
        )
        let (http, failures) = (self.services.http, self.services.failures)
        let channel = context.channel
        let client = ClientAddress(peer: self.peer(), head.headers, trusting: self.services.trustedProxies).address
        self.response = Task {
            let response = await http.respond(
                to: Request(head: request, body: RequestBody(buffer: body)),
                from: client,
                on: channel,
                refusing: refusal
            )
            if refusal == nil, response.status.code >= 400 {
                failures.count(status: response.status.code, path: head.uri, from: client)
            }
            await sink.send(response)
        }
    }

    /// A connection that goes straight to WebSocket never needs one.
    func addEncoder(_ context: ChannelHandlerContext) {
        guard self.encoder == nil else { return }
        let encoder = HTTPResponseEncoder()
        self.encoder = encoder
        try? context.pipeline.syncOperations.addHandler(encoder, position: .before(self))
    }

    func removeEncoder(_ context: ChannelHandlerContext) {
        guard let encoder = self.encoder else { return }
        self.encoder = nil
        context.pipeline.syncOperations.removeHandler(encoder).whenFailure { _ in }
    }

    func sendContinue(_ version: HTTPVersion) {
        guard let context = self.context, version == .http1_1 else { return }
        self.addEncoder(context)
        context.writeAndFlush(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))),
            promise: nil
        )
    }

    /// Writes the body of the present response, to go with its end.
    func writeUnflushed(_ body: ByteBuffer) {
        guard let context = self.context, case .responding(_, isHead: false) = self.phase else { return }
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }

    /// Writes a part of the present response.
    func write(_ part: HTTPServerResponsePart) -> EventLoopFuture<Void>? {
        guard let context = self.context, case .responding(let keepAlive, let isHead) = self.phase else { return nil }
        switch part {
        case .head(var head):
            self.isStreamingEvents = head.headers.first(name: "Content-Type")?.hasPrefix("text/event-stream") ?? false
            self.complete(&head, keepAlive: keepAlive)
            // Goes with the first piece of the body, or with the end.
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            return context.eventLoop.makeSucceededVoidFuture()
        case .body:
            return isHead
                ? context.eventLoop.makeSucceededVoidFuture() : context.writeAndFlush(self.wrapOutboundOut(part))
        case .end:
            let written = context.writeAndFlush(self.wrapOutboundOut(part))
            self.response = nil
            if keepAlive, !self.queue.isOnlyTheEnd {
                self.phase = .awaitingHead
                self.headGuard.expectHead()
                self.startTimeout(self.services.headerTimeout)
                if self.pendingBytes > 0 {
                    self.accountForMemory()
                    written.assumeIsolated().whenComplete { _ in self.accountForMemory() }
                }
                self.pump()
            } else {
                self.close(after: written)
            }
            return written
        }
    }

    /// What every answer says of itself and of the connection.
    private func complete(_ head: inout HTTPResponseHead, keepAlive: Bool) {
        if !keepAlive {
            head.headers.replaceOrAdd(name: "Connection", value: "close")
        } else if head.version == .http1_0 {
            // Its client takes silence for the end (RFC 9112 §9.3).
            head.headers.replaceOrAdd(name: "Connection", value: "keep-alive")
        }
        if !head.headers.contains(name: "Date") { head.headers.add(name: "Date", value: HTTPDate.current) }
    }

    /// The response broke off: the client must not take it for a whole one.
    func abort() {
        self.context?.close(promise: nil)
    }

    var isResponseBegun: Bool {
        switch self.phase {
        case .responding: return true
        case .proxying(let exchange, _): return exchange.hasResponse
        case .awaitingHead, .upgrading, .collecting, .exchanging, .closing: return false
        }
    }
}
