internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyTransport

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

    /// Who uses it at present, until it is given back, closed or gone.
    var delegate: (any UpstreamDelegate)?
    private(set) var channel: (any Channel)?
    /// As long as it is open.
    var pool: UpstreamPool?
    let address: SocketAddress
    private let bytes: UpstreamBytes
    /// While HTTP is spoken.
    private var context: ChannelHandlerContext?
    /// What the backend has not taken of a request.
    private let unsent: WaitingBytes
    private var isPaused = false

    init(address: SocketAddress, bytes: UpstreamBytes, ledger: MemoryLedger) {
        self.address = address
        self.bytes = bytes
        self.unsent = WaitingBytes(.proxy, in: ledger)
    }

    var isActive: Bool { self.channel?.isActive ?? false }
    var isWritable: Bool { self.channel?.isWritable ?? false }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.channel = context.channel
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

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
        self.pool.take()?.remove(self)
        let delegate = self.delegate
        self.delegate = nil
        delegate?.upstreamClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Use

    func write(_ part: HTTPClientRequestPart) {
        if case .head = part { self.bytes.expectHead() }
        // Through the decoder, which has to know what was asked.
        self.context?.write(self.wrapOutboundOut(part), promise: nil)
    }

    func flush() {
        self.context?.flush()
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
