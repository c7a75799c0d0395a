internal import NIOCore
internal import Synchronization
internal import WebSocketProtocol

/// Drives a ``WebSocketConnection`` in the client's role: does what its actions say. Confined to its event loop.
final class ClientHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let inbox: Inbox
    /// Set once, by the loop; read from anywhere.
    let ending = EndingBox()

    private let configuration: WebSocketClientConfiguration
    private var connection: WebSocketConnection
    private var writer: FrameWriter
    private var pings = PendingPings<EventLoopPromise<Duration>>()
    private var inflater: SharedInflater?
    private var context: ChannelHandlerContext?
    /// The code and reason that we have sent first.
    private var closing: (code: WebSocketCloseCode, reason: String)?
    private var closeTimeout: Scheduled<Void>?
    private var isPaused = false
    private var isReadHeld = false
    private var failure: (any Error)?

    init(configuration: WebSocketClientConfiguration, compression: PerMessageDeflate?) {
        self.configuration = configuration
        self.connection = WebSocketConnection(role: .client, limits: configuration.limits, compression: compression)
        self.writer = FrameWriter(compression: compression)
        self.inflater = compression == nil ? nil : SharedInflater()
        self.inbox = Inbox(maximumBytes: configuration.maximumWaitingBytes)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        self.inbox.onResumeReading { eventLoop.execute { handler.value.resumeReading() } }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        while true {
            switch self.connection.receive(&input, inflater: self.inflater) {
            case .needsMoreInput:
                return
            case .hasMoreInput:
                continue
            case .message(let kind, let payload):
                let message: WebSocketMessage = kind == .text ? .text(String(buffer: payload)) : .binary(payload)
                if self.inbox.push(message, bytes: payload.readableBytes) == .stopReading { self.isPaused = true }
            case .ping(let payload):
                self.write { $0.write(control: .pong, payload, into: &$1) }
                self.configuration.onControlEvent?(.ping(payload))
            case .pong(let payload):
                for answer in self.pings.receivedPong(payload, now: .now()) { answer.waiter.succeed(answer.roundTrip) }
                self.configuration.onControlEvent?(.pong(payload))
            case .peerClosed(let code, let reason):
                self.configuration.onControlEvent?(.close(code, reason: reason))
                let reply = self.connection.closeReply
                self.end(.closedByServer(code, reason: reason)) { $0.writeClose(reply, reason: "", into: &$1) }
            case .closeCompleted:
                if let closing = self.closing {
                    self.end(.closedByUs(closing.code, reason: closing.reason, isAnswered: true))
                }
                context.close(promise: nil)
            case .failed(let failure):
                self.end(.failed(failure)) { $0.writeClose(failure.code, reason: failure.reason, into: &$1) }
            }
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.isPaused {
            self.isReadHeld = true
        } else {
            context.read()
        }
    }

    private func resumeReading() {
        self.isPaused = false
        guard self.isReadHeld else { return }
        self.isReadHeld = false
        self.context?.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = error
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let closing = self.closing {
            self.end(.closedByUs(closing.code, reason: closing.reason, isAnswered: false))
        } else {
            self.end(.lost(self.failure))
        }
        context.fireChannelInactive()
    }

    // MARK: Sending

    /// - Returns: Succeeds when the operating system has taken the whole message.
    func send(_ kind: WebSocketMessageKind, _ payload: ByteBuffer, promise: EventLoopPromise<Void>) {
        guard self.connection.state == .open else { return promise.fail(self.closedError) }
        self.write(promise: promise) { $0.write(kind, payload, into: &$1) }
    }

    func sendPing(promise: EventLoopPromise<Duration>) {
        guard self.connection.state == .open, let context = self.context else { return promise.fail(self.closedError) }
        let id = self.pings.sendPing(now: .now(), promise)
        self.write { $0.write(control: .ping, ByteBuffer(integer: id), into: &$1) }
        let timeout = self.configuration.pingTimeout
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            self.pings.expire(id)?.fail(WebSocketClientError(.timedOut, "no pong within \(timeout.seconds)"))
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in scheduled.cancel() }
    }

    /// Sends a close frame, unless one is out; the end comes when the server has answered, or has had its time.
    func close(_ code: WebSocketCloseCode, reason: String) {
        guard self.connection.beginClose(), let context = self.context else { return }
        self.closing = (code, reason)
        self.write { $0.writeClose(code, reason: reason, into: &$1) }
        self.closeTimeout = context.eventLoop.assumeIsolated().scheduleTask(
            in: TimeAmount(self.configuration.closeTimeout)
        ) {
            self.end(.closedByUs(code, reason: reason, isAnswered: false))
            self.context?.close(promise: nil)
        }
        // The server's answer is behind what nobody may be reading.
        self.resumeReading()
    }

    private var closedError: WebSocketClientError {
        self.ending.value?.closedError ?? WebSocketClientError(.closed, "the connection is being closed")
    }

    private func write(promise: EventLoopPromise<Void>? = nil, _ write: (inout FrameWriter, inout ByteBuffer) -> Void) {
        guard let context = self.context else {
            promise?.fail(self.closedError)
            return
        }
        var wire = context.channel.allocator.buffer(capacity: 256)
        write(&self.writer, &wire)
        context.writeAndFlush(self.wrapOutboundOut(wire), promise: promise)
    }

    // MARK: The end

    /// Tells everybody, once.
    private func end(_ ending: ClientEnding) {
        guard self.ending.set(ending) else { return }
        self.closeTimeout?.cancel()
        for promise in self.pings.cancelAll() { promise.fail(ending.closedError) }
        self.inbox.finish(ending.error)
        // Nobody waits for messages any more; what is left to read is the end.
        self.resumeReading()
    }

    /// The same, and a last frame before the transport ends.
    private func end(_ ending: ClientEnding, writingLast write: (inout FrameWriter, inout ByteBuffer) -> Void) {
        self.end(ending)
        guard let context = self.context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.context?.close(promise: nil) }
        self.write(promise: promise, write)
    }
}

@available(*, unavailable)
extension ClientHandler: Sendable {}

/// Holds how a connection ended, from the moment on when it did.
final class EndingBox: Sendable {
    private let state = Mutex<ClientEnding?>(nil)

    var value: ClientEnding? { self.state.withLock { $0 } }

    /// - Returns: False when it had ended before.
    func set(_ ending: ClientEnding) -> Bool {
        self.state.withLock { state in
            guard state == nil else { return false }
            state = ending
            return true
        }
    }
}
