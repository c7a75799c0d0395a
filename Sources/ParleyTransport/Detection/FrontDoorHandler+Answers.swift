internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// Answers: of exchanges, which make them here, and of the HTTP API, which makes them in a task.
extension FrontDoorHandler {
    func openExchange(_ context: ChannelHandlerContext) {
        guard case .routed(let request, .exchange(let endpoint)) = self.party else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let exchange = endpoint.exchange(for: request, on: context.eventLoop) { bound.value.answered($0) }
        self.party = .exchange(exchange, request)
        exchange.begin()
    }

    private func answered(_ answer: ExchangeAnswer) {
        self.machine.answered(answer, at: self.moment)
        self.drive()
    }

    func write(_ answer: ExchangeAnswer, _ version: HTTPVersion, _ context: ChannelHandlerContext) {
        guard case .exchange(_, let request) = self.party else { return }
        if answer.status.code >= 400 {
            self.services.failures.count(
                status: Int(answer.status.code),
                path: request.head.uri,
                from: self.client()
            )
        }
        self.party = .nobody
        self.addEncoder(context)
        var head = HTTPResponseHead(version: version, status: answer.status, headers: answer.headers)
        if answer.status != .noContent, answer.status != .notModified {
            head.headers.add(name: "Content-Length", value: "\(answer.body.readableBytes)")
        }
        _ = self.write(.head(head))
        if answer.body.readableBytes > 0 { self.writeUnflushed(answer.body) }
        _ = self.write(.end(nil))
    }

    // MARK: Plain HTTP

    func respond(
        to head: HTTPRequestHead,
        _ body: ByteBuffer,
        refusing refusal: Refusal?,
        _ context: ChannelHandlerContext
    ) {
        let client = self.party.request?.remoteAddress
        if let refusal { self.services.failures.count(refusal, path: head.uri, from: self.client()) }
        self.party = .nobody
        self.addEncoder(context)
        let sink = ResponseSink(
            handler: NIOLoopBound(self, eventLoop: context.eventLoop),
            eventLoop: context.eventLoop,
            version: head.version
        )
        let (http, failures) = (self.services.http, self.services.failures)
        let channel = context.channel
        let request = PlainRequest(
            head: head,
            body: body,
            isSecure: self.isSecure,
            client: client,
            refusal: refusal
        )
        self.response = Task {
            let response = await http.respond(to: request, on: channel)
            if refusal == nil, response.status.code >= 400 {
                failures.count(status: Int(response.status.code), path: head.uri, from: client)
            }
            await sink.send(response)
        }
    }

    func sendContinue(_ version: HTTPVersion, _ context: ChannelHandlerContext) {
        self.addEncoder(context)
        context.writeAndFlush(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))),
            promise: nil
        )
    }

    /// Writes the body of the present response, to go with its end.
    func writeUnflushed(_ body: ByteBuffer) {
        guard let context = self.context, let response = self.machine.response, !response.isHead else { return }
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }

    /// Writes a part of the present response.
    func write(_ part: HTTPServerResponsePart) -> EventLoopFuture<Void>? {
        guard let context = self.context, let response = self.machine.response else { return nil }
        switch part {
        case .head(var head):
            self.machine.responseBegan(
                isStreamingEvents: head.headers.first(name: "Content-Type")?.hasPrefix("text/event-stream") ?? false
            )
            Self.complete(&head, keepsAlive: response.keepsAlive)
            // Goes with the first piece of the body, or with the end.
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            return context.eventLoop.makeSucceededVoidFuture()
        case .body:
            return response.isHead
                ? context.eventLoop.makeSucceededVoidFuture() : context.writeAndFlush(self.wrapOutboundOut(part))
        case .end:
            let written = context.writeAndFlush(self.wrapOutboundOut(part))
            self.lastWrite = written
            self.response = nil
            self.machine.responseEnded(at: self.moment)
            if self.pendingBytes > 0 {
                self.accountForMemory()
                written.assumeIsolated().whenComplete { _ in self.accountForMemory() }
            }
            self.drive()
            return written
        }
    }

    /// What every answer says of itself and of the connection.
    private static func complete(_ head: inout HTTPResponseHead, keepsAlive: Bool) {
        if !keepsAlive {
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

    // MARK: The last of them

    func refuse(_ refusal: Refusal, isHead: Bool, _ head: HTTPRequestHead?, _ context: ChannelHandlerContext) {
        let fields = head.map { self.services.routes.crossOriginFields(for: $0) } ?? []
        self.services.failures.count(
            refusal,
            path: head?.uri,
            dialect: self.party.dialect,
            from: self.client()
        )
        self.party = .nobody
        self.removeEncoder(context)
        self.endBehind(context.writeAndFlush(NIOAny(refusal.httpResponse(isHead: isHead, adding: fields))))
    }

    func finish(_ context: ChannelHandlerContext) {
        self.removeEncoder(context)
        self.endBehind(self.lastWrite ?? context.writeAndFlush(NIOAny(ByteBuffer())))
    }

    private func endBehind(_ written: EventLoopFuture<Void>) {
        self.lastWrite = nil
        // A parser that has stopped would keep all of it.
        self.headGuard.discard()
        self.accountForMemory()
        self.watchOutput()
        written.assumeIsolated().whenComplete { _ in
            self.accountForMemory()
            self.machine.lastWritten(at: self.moment)
            self.drive()
        }
    }

    // MARK: Encoder

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
}
