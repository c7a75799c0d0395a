internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ParleyBackends
internal import ParleyHub

/// What a connection to a backend tells the exchange that uses it. Never after it was given back.
protocol UpstreamDelegate: AnyObject {
    /// A head that is not final has a status below 200.
    func upstreamReceived(head: HTTPResponseHead)
    func upstreamReceived(body: ByteBuffer)
    func upstreamEnded(trailers: HTTPHeaders?)
    /// What has come so far should go on.
    func upstreamReadComplete()
    func upstreamWritabilityChanged()
    /// It is gone, and there will be no more of the response.
    func upstreamClosed()
}

/// A connection to a backend, on the event loop of those who use it.
final class UpstreamConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    weak var delegate: (any UpstreamDelegate)?
    /// Whether it has been used for another exchange before.
    fileprivate(set) var isReused = false
    private(set) var channel: (any Channel)?
    fileprivate weak var pool: UpstreamPool?
    fileprivate let address: SocketAddress
    private let bytes: UpstreamBytes
    /// What the backend has not taken of a request.
    private let unsent: WaitingBytes
    private var isPaused = false

    fileprivate init(address: SocketAddress, bytes: UpstreamBytes, ledger: MemoryLedger) {
        self.address = address
        self.bytes = bytes
        self.unsent = WaitingBytes(.proxy, in: ledger)
    }

    var isActive: Bool { self.channel?.isActive ?? false }
    var isWritable: Bool { self.channel?.isWritable ?? false }

    func handlerAdded(context: ChannelHandlerContext) { self.channel = context.channel }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let delegate = self.delegate else {
            // Somebody speaks who was not asked.
            context.close(promise: nil)
            return
        }
        switch self.unwrapInboundIn(data) {
        case .head(let head): delegate.upstreamReceived(head: head)
        case .body(let piece): delegate.upstreamReceived(body: piece)
        case .end(let trailers): delegate.upstreamEnded(trailers: trailers)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.delegate?.upstreamReadComplete() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.unsent.update(context.channel.isWritable ? nil : context.channel)
        self.delegate?.upstreamWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.unsent.update(nil)
        self.pool?.remove(self)
        let delegate = self.delegate
        self.delegate = nil
        delegate?.upstreamClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Use

    func write(_ part: HTTPClientRequestPart) {
        if case .head = part { self.bytes.expectHead() }
        self.channel?.write(part, promise: nil)
    }

    func flush() {
        self.channel?.flush()
        if !self.isWritable { self.unsent.update(self.channel) }
    }

    /// Reads no more than the client takes.
    func setReading(_ isReading: Bool) {
        guard isReading == self.isPaused else { return }
        self.isPaused = !isReading
        _ = self.channel?.setOption(.autoRead, value: isReading)
    }

    func close() {
        self.delegate = nil
        self.channel?.close(promise: nil)
    }
}

@available(*, unavailable)
extension UpstreamConnection: Sendable {}

/// Writes requests as they are: whoever gives the head has decided how the body is framed.
final class UpstreamRequestEncoder: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    private var isChunked = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(let head):
            self.isChunked = head.headers.contains(name: "Transfer-Encoding")
            var bytes = context.channel.allocator.buffer(capacity: 512)
            bytes.writeString(head.method.rawValue)
            bytes.writeStaticString(" ")
            HeaderBytes.write(head.uri, to: &bytes)
            bytes.writeStaticString(" HTTP/1.1\r\n")
            bytes.writeHeaders(head.headers)
            context.write(self.wrapOutboundOut(bytes), promise: promise)
        case .body(.byteBuffer(let piece)):
            guard self.isChunked else { return context.write(self.wrapOutboundOut(piece), promise: promise) }
            guard piece.readableBytes > 0 else { return }
            context.write(self.wrapOutboundOut(.chunkHeader(piece.readableBytes)), promise: nil)
            context.write(self.wrapOutboundOut(piece), promise: nil)
            context.write(self.wrapOutboundOut(ByteBuffer(staticString: "\r\n")), promise: promise)
        case .body(.fileRegion):
            preconditionFailure("files are never proxied")
        case .end:
            guard self.isChunked else { return }
            context.write(self.wrapOutboundOut(ByteBuffer(staticString: "0\r\n\r\n")), promise: promise)
        }
    }
}

extension ByteBuffer {
    /// Header lines, and the empty one.
    mutating func writeHeaders(_ headers: HTTPHeaders) {
        for (name, value) in headers {
            self.writeString(name)
            self.writeStaticString(": ")
            HeaderBytes.write(value, to: &self)
            self.writeStaticString("\r\n")
        }
        self.writeStaticString("\r\n")
    }

    /// The line before a chunk (RFC 9112 §7.1).
    static func chunkHeader(_ length: Int) -> ByteBuffer {
        ByteBuffer(string: String(length, radix: 16) + "\r\n")
    }
}

/// The connections of one event loop to backends that wait for their next request.
final class UpstreamPool {
    private static let connectTimeout = TimeAmount.seconds(10)
    /// Below the five seconds after which Node closes a connection that nobody uses.
    private static let idleTime = TimeAmount.seconds(4)
    private static let maximumIdlePerBackend = 64

    private struct Idle {
        let connection: UpstreamConnection
        let since: NIODeadline
    }

    private let eventLoop: any EventLoop
    private let keepAlive: KeepAlive?
    private var idle: [SocketAddress: [Idle]] = [:]
    private var sweep: Scheduled<Void>?

    private let ledger: MemoryLedger

    init(eventLoop: any EventLoop, keepAlive: KeepAlive?, ledger: MemoryLedger) {
        self.eventLoop = eventLoop
        self.keepAlive = keepAlive
        self.ledger = ledger
    }

    /// - Returns: A connection that was used before and is open still; `nil`: there is none.
    func takeIdle(to address: SocketAddress) -> UpstreamConnection? {
        while let last = self.idle[address]?.popLast() {
            if last.connection.isActive, last.since + Self.idleTime > self.eventLoop.now { return last.connection }
            last.connection.close()
        }
        return nil
    }

    func connect(to address: SocketAddress) -> EventLoopFuture<UpstreamConnection> {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let (eventLoop, keepAlive, ledger) = (self.eventLoop, self.keepAlive, self.ledger)
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    keepAlive?.apply(to: channel)
                    let bytes = UpstreamBytes()
                    let connection = UpstreamConnection(address: address, bytes: bytes, ledger: ledger)
                    connection.pool = bound.value
                    try channel.pipeline.syncOperations.addHandlers(
                        bytes,
                        UpstreamRequestEncoder(),
                        ByteToMessageHandler(
                            HTTPResponseDecoder(
                                leftOverBytesStrategy: .forwardBytes,
                                informationalResponseStrategy: .forward
                            )
                        ),
                        connection
                    )
                }
            }
            .connect(to: address)
            .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: UpstreamConnection.self) }
    }

    /// Takes the handlers of HTTP out of a backend's connection; what came behind the response is passed on.
    /// - Returns: When that has happened.
    static func removeHTTP(from pipeline: ChannelPipeline.SynchronousOperations) -> EventLoopFuture<Void>? {
        if let bytes = try? pipeline.handler(type: UpstreamBytes.self) {
            pipeline.removeHandler(bytes).whenFailure { _ in }
        }
        if let encoder = try? pipeline.handler(type: UpstreamRequestEncoder.self) {
            pipeline.removeHandler(encoder).whenFailure { _ in }
        }
        if let connection = try? pipeline.handler(type: UpstreamConnection.self) {
            pipeline.removeHandler(connection).whenFailure { _ in }
        }
        return (try? pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)).map {
            pipeline.removeHandler($0)
        }
    }

    /// Keeps a connection for the next request.
    func giveBack(_ connection: UpstreamConnection) {
        connection.delegate = nil
        connection.setReading(true)
        guard connection.isActive, self.idle[connection.address, default: []].count < Self.maximumIdlePerBackend else {
            return connection.close()
        }
        connection.isReused = true
        self.idle[connection.address, default: []].append(Idle(connection: connection, since: self.eventLoop.now))
        self.scheduleSweep()
    }

    fileprivate func remove(_ connection: UpstreamConnection) {
        self.idle[connection.address]?.removeAll { $0.connection === connection }
        if self.idle[connection.address]?.isEmpty == true { self.idle[connection.address] = nil }
    }

    private func scheduleSweep() {
        guard self.sweep == nil else { return }
        self.sweep = self.eventLoop.assumeIsolated().scheduleTask(in: Self.idleTime) { self.sweepIdle() }
    }

    private func sweepIdle() {
        self.sweep = nil
        let limit = self.eventLoop.now - Self.idleTime
        for connection in self.idle.values.flatMap({ $0.filter { $0.since <= limit } }).map(\.connection) {
            connection.close()
            self.remove(connection)
        }
        if !self.idle.isEmpty { self.scheduleSweep() }
    }
}

@available(*, unavailable)
extension UpstreamPool: Sendable {}
