internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import WebSocketProtocol

/// Carries the opening handshake over HTTP handlers, and puts a ``ClientHandler`` in their place when it succeeded.
/// Confined to its event loop.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private enum Phase {
        case awaitingHead
        case upgrading(ClientHandshake.Agreement)
        case refused(HTTPResponseHead, body: ByteBuffer)
        case finished
    }

    private static let maximumBodyBytes = 64 * 1024

    private let handshake: ClientHandshake
    private let url: WebSocketURL
    private let configuration: WebSocketClientConfiguration
    private let deadline: NIODeadline
    private let promise: EventLoopPromise<WebSocketClient>
    private let splitter = ResponseHeadSplitter()
    private let encoder = HTTPRequestEncoder()
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private var phase = Phase.awaitingHead
    private var timeout: Scheduled<Void>?

    /// - Parameter promise: Completed exactly once, at the latest when the channel closes.
    init(
        _ handshake: ClientHandshake,
        url: WebSocketURL,
        configuration: WebSocketClientConfiguration,
        deadline: NIODeadline,
        promise: EventLoopPromise<WebSocketClient>
    ) {
        self.handshake = handshake
        self.url = url
        self.configuration = configuration
        self.deadline = deadline
        self.promise = promise
        self.decoder = ByteToMessageHandler(HTTPResponseDecoder())
    }

    /// Adds this handler and what it needs before it.
    func add(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        try pipeline.addHandlers(self.splitter, self.encoder, self.decoder, self)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.timeout = context.eventLoop.assumeIsolated().scheduleTask(deadline: self.deadline) {
            let message = "no answer from \(self.url.authority) within \(self.configuration.connectTimeout.seconds)"
            self.fail(WebSocketClientError(.timedOut, message), context)
        }
        context.write(self.wrapOutboundOut(.head(self.handshake.request)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (self.unwrapInboundIn(data), self.phase) {
        case (.head(let head), .awaitingHead):
            switch self.handshake.received(head) {
            case .upgrade(let agreement): self.phase = .upgrading(agreement)
            case .collectRefusal: self.phase = .refused(head, body: ByteBuffer())
            case .fail(let error): self.fail(error, context)
            }
        case (.body(var piece), .refused(let head, var body)):
            self.phase = .finished
            let room = Self.maximumBodyBytes - body.readableBytes
            if let fitting = piece.readSlice(length: min(room, piece.readableBytes)) {
                body.writeImmutableBuffer(fitting)
            }
            self.phase = .refused(head, body: body)
            if piece.readableBytes > 0 { self.reportRefusal(context) }
        case (.end, .refused): self.reportRefusal(context)
        case (.end, .upgrading(let agreement)): self.upgrade(agreement, context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .refused = self.phase {
            self.reportRefusal(context)
        } else {
            let message = "\(self.url.authority) closed the connection without an answer to the handshake"
            self.fail(WebSocketClientError(.invalidHandshake, message), context)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            let message = """
                no TLS session with \(self.url.authority): \(TLSFailure.reason(error) ?? "it fails"). Expected a certificate for \(self.url.host) by an \
                authority that is trusted
                """
            self.fail(WebSocketClientError(.tlsFailed, message, underlyingError: error), context)
        case is HTTPParserError:
            let message = "expected an answer in HTTP from \(self.url.authority), got something else"
            self.fail(WebSocketClientError(.invalidHandshake, message, underlyingError: error), context)
        default:
            self.fail(.connecting(to: self.url, error), context)
        }
    }

    private func reportRefusal(_ context: ChannelHandlerContext) {
        guard case .refused(let head, let body) = self.phase else { return }
        self.fail(WebSocketClientError(refusal: head, body: body), context)
    }

    private func fail(_ error: WebSocketClientError, _ context: ChannelHandlerContext) {
        if case .finished = self.phase { return }
        self.finish()
        self.promise.fail(error)
        context.close(promise: nil)
    }

    private func finish() {
        self.phase = .finished
        self.timeout?.cancel()
        self.timeout = nil
    }

    private func upgrade(_ agreement: ClientHandshake.Agreement, _ context: ChannelHandlerContext) {
        self.finish()
        let handler = ClientHandler(configuration: self.configuration, compression: agreement.compression)
        let client = WebSocketClient(channel: context.channel, handler: handler, agreement: agreement)
        let pipeline = context.pipeline.syncOperations
        do {
            // Nearer to the network than HTTP, which therefore sees nothing of what is received and sent from now on.
            try pipeline.addHandler(handler, position: .after(self.splitter))
        } catch {
            self.promise.fail(error)
            context.close(promise: nil)
            return
        }
        self.splitter.stop()
        let promise = self.promise
        // Later: they are still on the stack.
        context.eventLoop.assumeIsolated().execute {
            pipeline.removeHandler(self.splitter).whenFailure { _ in }
            pipeline.removeHandler(self.encoder).whenFailure { _ in }
            pipeline.removeHandler(self.decoder).whenFailure { _ in }
            pipeline.removeHandler(self).whenFailure { _ in }
            promise.succeed(client)
        }
    }
}

@available(*, unavailable)
extension HandshakeHandler: Sendable {}
