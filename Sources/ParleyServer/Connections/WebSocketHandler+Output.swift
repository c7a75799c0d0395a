internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// How arena ranges reach the peer: straight to the socket while it keeps up, through a bounded backlog when it does not.
extension WebSocketHandler {
    func write(_ ranges: ContiguousArray<ArenaRange>, of arena: ByteBuffer, messages: Int) {
        guard let context = self.context, context.channel.isActive else { return }
        var total = 0
        for range in ranges { total += range.count }
        self.shard.metrics.sentBytes += total
        if self.profile.clock.idleTimeout != nil { self.clock.sent(at: self.shard.context.now) }
        if self.backlog != nil {
            self.enqueue(ranges[...], of: arena, messages: messages)
        } else if let socket = self.socket {
            switch SocketWriter.write(ranges, of: arena, to: socket) {
            case .wrote(total): self.allWritten()
            case .wrote(let count): self.handOver(ranges, of: arena, messages: messages, skipping: count)
            case .failed: self.shard.afterFlush { self.context?.close(promise: nil) }
            }
        } else {
            self.handOver(ranges, of: arena, messages: messages, skipping: 0)
        }
    }

    /// Gives the transport what the kernel did not take: all of it, or, where single messages may have to be dropped, only
    /// the one that has begun.
    private func handOver(_ ranges: ContiguousArray<ArenaRange>, of arena: ByteBuffer, messages: Int, skipping written: Int) {
        var remaining = ranges[...]
        var written = written
        while let first = remaining.first, first.count <= written {
            written -= first.count
            remaining.removeFirst()
        }
        guard let first = remaining.first else { return }
        remaining[remaining.startIndex] = ArenaRange(start: first.start + written, end: first.end)
        var backlog = Backlog(policy: self.profile.slowConsumer)
        let begun: ByteBuffer
        if self.profile.slowConsumer.overflow == .close {
            begun = self.copy(remaining, of: arena)
            remaining = []
        } else {
            begun = self.copy(remaining.prefix(1), of: arena)
            remaining.removeFirst()
        }
        backlog.began(bytes: begun.readableBytes)
        self.backlog = backlog
        if !remaining.isEmpty { self.enqueue(remaining, of: arena, messages: messages) }
        self.accountForBacklog()
        self.transmit(begun)
    }

    private func enqueue(_ ranges: ContiguousArray<ArenaRange>.SubSequence, of arena: ByteBuffer, messages: Int) {
        var action = Backlog.AppendAction.keep
        if self.profile.slowConsumer.overflow == .close {
            action = self.backlog?.append(self.copy(ranges, of: arena), messages: messages) ?? .keep
        } else {
            for index in ranges.indices {
                _ = self.backlog?.append(self.copy(ranges[index...index], of: arena), messages: 1)
            }
        }
        self.accountForBacklog()
        if action == .closeSlowConsumer, self.isOpen {
            self.shard.afterFlush { self.expelled(.slowConsumer) }
        }
    }

    /// The bytes of `ranges` in a buffer of their own: the arena is used again in the next tick.
    private func copy(_ ranges: ContiguousArray<ArenaRange>.SubSequence, of arena: ByteBuffer) -> ByteBuffer {
        var total = 0
        for range in ranges { total += range.count }
        var buffer = ByteBufferAllocator().buffer(capacity: total)
        arena.withUnsafeReadableBytes { bytes in
            for range in ranges {
                buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[range.start..<range.end]))
            }
        }
        return buffer
    }

    private func transmit(_ bytes: ByteBuffer) {
        guard let context = self.context else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.transportWrote() }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
    }

    private func transportWrote() {
        guard self.context != nil else { return }
        if let next = self.backlog?.transportWrote() {
            self.accountForBacklog()
            self.transmit(next)
        } else {
            self.backlog = nil
            self.accountForBacklog()
            self.allWritten()
        }
    }

    /// Tells the process how much waits for this connection; the largest backlog of all goes when that is too much.
    func accountForBacklog() {
        guard let connection = self.connection else { return }
        if let victim = self.profile.ledger.update(connection.id, bytes: self.backlog?.byteCount ?? 0) {
            self.hub.expel(victim, .slowConsumer)
        }
    }
}
