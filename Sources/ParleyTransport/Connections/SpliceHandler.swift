package import NIOCore
package import ParleyHub

/// One of two channels whose bytes go to each other; both on one event loop. Reads as fast as its partner writes.
package final class SpliceHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    weak var partner: SpliceHandler?
    /// Called once, when this end's channel is gone.
    private let onEnd: (@Sendable () -> Void)?
    private var context: ChannelHandlerContext?
    private var isReadHeld = false
    /// What this end's channel has not taken, if anybody wants to know.
    private let unsent: WaitingBytes?
    /// What came before there was a partner to take it.
    private var waiting: [ByteBuffer] = []

    package init(onEnd: (@Sendable () -> Void)? = nil, ledger: MemoryLedger? = nil) {
        self.onEnd = onEnd
        self.unsent = ledger.map { WaitingBytes(.proxy, in: $0) }
    }

    /// Two ends that know each other.
    package static func pair(
        onEnd: (@Sendable () -> Void)? = nil,
        ledger: MemoryLedger? = nil
    ) -> (SpliceHandler, SpliceHandler) {
        let ends = (SpliceHandler(onEnd: onEnd, ledger: ledger), SpliceHandler(ledger: ledger))
        ends.0.partner = ends.1
        ends.1.partner = ends.0
        return ends
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        for bytes in self.partner?.takeWaiting() ?? [] { context.write(self.wrapOutboundOut(bytes), promise: nil) }
        context.flush()
        self.partner?.resumeReading()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        if let partner = self.partner?.context {
            partner.write(NIOAny(bytes), promise: nil)
        } else {
            self.waiting.append(bytes)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        guard let partner = self.partner, let context = partner.context else { return }
        context.flush()
        partner.unsent?.flushed(context)
    }

    package func read(context: ChannelHandlerContext) {
        if let partner = self.partner?.context, partner.channel.isWritable {
            context.read()
        } else {
            self.isReadHeld = true
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.partner?.resumeReading() }
        context.fireChannelWritabilityChanged()
    }

    /// A tunnel ends as a whole.
    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.unsent?.update(nil)
        self.partner?.context?.channel.closeBehindWrites()
        self.onEnd?()
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func takeWaiting() -> [ByteBuffer] {
        defer { self.waiting = [] }
        return self.waiting
    }

    private func resumeReading() {
        guard self.isReadHeld else { return }
        self.isReadHeld = false
        self.context?.read()
    }
}

@available(*, unavailable)
extension SpliceHandler: Sendable {}
