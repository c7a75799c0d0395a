package import NIOCore
package import ParleyHub

/// Tells the process how much a connection has not taken of what it was given; on its event loop.
package final class WaitingBytes {
    private let ledger: MemoryLedger
    private let kind: MemoryLedger.Kind
    private var holding: MemoryLedger.Holding?
    private var isWatching = false

    package init(_ kind: MemoryLedger.Kind, in ledger: MemoryLedger) {
        self.kind = kind
        self.ledger = ledger
    }

    /// To be called when something was flushed. Looks again when all of it is written.
    package func flushed(_ context: ChannelHandlerContext) {
        self.update(context.channel)
        guard self.holding != nil, !self.isWatching else { return }
        self.isWatching = true
        context.writeAndFlush(NIOAny(ByteBuffer())).assumeIsolated().whenComplete { _ in
            self.isWatching = false
            self.update(context.channel)
        }
    }

    /// Looks once.
    /// - Parameter more: What waits elsewhere for the same connection.
    package func update(_ channel: (any Channel)?, more: Int = 0) {
        let buffered = channel.flatMap { $0.isActive ? try? $0.syncOptions?.getOption(.bufferedWritableBytes) : nil }
        let bytes = (buffered ?? 0) + more
        guard bytes > 0, let channel else {
            self.holding = nil
            return
        }
        if self.holding == nil { self.holding = self.ledger.open(self.kind) { channel.close(promise: nil) } }
        self.holding?.update(bytes: bytes)
    }
}

@available(*, unavailable)
extension WaitingBytes: Sendable {}
