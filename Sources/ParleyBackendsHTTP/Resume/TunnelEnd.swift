internal import NIOCore
internal import ParleyHub
internal import ParleyTransport

/// One of the two connections of a ``ResumableTunnel``; all of it on their event loop.
final class TunnelEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tunnel: ResumableTunnel
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    /// What the connection has not taken.
    private let unsent: WaitingBytes

    init(_ tunnel: ResumableTunnel, ledger: MemoryLedger) {
        self.tunnel = tunnel
        self.unsent = WaitingBytes(.proxy, in: ledger)
    }

    /// Whether bytes were lost that had been written to the connection.
    private(set) var isReset = false
    /// Whether it has a connection.
    var isAttached: Bool { self.context != nil }
    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.tunnel.received(self.unwrapInboundIn(data), from: self)
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.tunnel.flush() }

    func read(context: ChannelHandlerContext) {
        if self.tunnel.mayRead(self) {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.tunnel.writabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.unsent.update(nil)
        self.tunnel.closed(self)
        context.fireChannelInactive()
    }

    /// Where half-closure is allowed, the system can be asked first whether it was a reset.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        let error = try? context.channel.syncOptions?.getOption(.socketOption(.so_error))
        if error != 0 { self.isReset = true }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.isReset = true
        context.close(promise: nil)
    }

    // MARK: Use

    func write(_ bytes: ByteBuffer) { self.context?.write(self.wrapOutboundOut(bytes), promise: nil) }

    /// - Parameter onWritten: Called when the connection has taken the bytes, and all before them.
    func write(_ bytes: ByteBuffer, onWritten: @escaping () -> Void) {
        self.context?.write(self.wrapOutboundOut(bytes)).assumeIsolated().whenComplete { result in
            switch result {
            case .success: onWritten()
            case .failure: self.isReset = true
            }
        }
    }

    func flush() {
        guard let context = self.context else { return }
        context.flush()
        self.unsent.flushed(context)
    }

    func resumeReading() {
        guard self.isReadHeld, self.tunnel.mayRead(self) else { return }
        self.isReadHeld = false
        self.context?.read()
    }

    /// Closes behind what is to be written.
    func finish(_ mode: CloseMode) { self.context?.channel.closeBehindWrites(mode) }

    func close() { self.context?.close(promise: nil) }
}

@available(*, unavailable)
extension TunnelEnd: Sendable {}
