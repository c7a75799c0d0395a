internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// How bytes reach a peer that the direct write could not serve: through a bounded backlog while it does not keep up.
extension WebSocketHandler {
    func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        guard self.context != nil else { return }
        var total = 0
        for chunk in chunks { total += chunk.count }
        if self.backlog != nil {
            self.enqueue(chunks[...], messages: messages)
        } else if let socket = self.socket, written == 0 {
            switch SocketWriter().write(chunks, to: socket) {
            case .wrote(total): self.allWritten()
            case .wrote(let count): self.handOver(chunks, messages: messages, skipping: count)
            case .failed: self.writeFailed()
            }
        } else {
            self.handOver(chunks, messages: messages, skipping: written)
        }
    }

    func writeFailed() {
        self.shard.afterFlush { self.context?.close(promise: nil) }
    }

    /// Gives the transport what the kernel did not take: all of it, or, where single messages may have to be dropped, only
    /// the one that has begun.
    private func handOver(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        var remaining = chunks[...]
        var written = written
        while let first = remaining.first, first.count <= written {
            written -= first.count
            remaining.removeFirst()
        }
        guard let first = remaining.first else { return }
        remaining[remaining.startIndex] = UnsafeRawBufferPointer(rebasing: first[written...])
        let begun: ByteBuffer
        if self.profile.slowConsumer.overflow == .close {
            begun = Self.copy(remaining)
            remaining = []
        } else {
            begun = Self.copy(remaining.prefix(1))
            remaining.removeFirst()
        }
        var backlog = Backlog(policy: self.profile.slowConsumer, now: self.shard.context.now)
        let piece = backlog.begin(with: begun)
        self.backlog = backlog
        if !remaining.isEmpty { self.enqueue(remaining, messages: messages) }
        self.accountForBacklog()
        if self.backlog?.stallDeadline != nil { self.scheduleWake() }
        self.transmit(piece)
    }

    private func enqueue(_ chunks: ArraySlice<UnsafeRawBufferPointer>, messages: Int) {
        var action = Backlog.AppendAction.keep
        if self.profile.slowConsumer.overflow == .close {
            action = self.backlog?.append(Self.copy(chunks), messages: messages, now: self.shard.context.now) ?? .keep
        } else {
            for chunk in chunks {
                // RFC 6455 §5.2: the opcodes of control frames have this bit.
                let isControl = (chunk.first ?? 0) & 0x08 != 0
                _ = self.backlog?.append(
                    Self.copy([chunk]),
                    messages: 1,
                    isControl: isControl,
                    now: self.shard.context.now
                )
            }
        }
        self.accountForBacklog()
        if action == .closeSlowConsumer, self.isOpen {
            self.shard.afterFlush { self.expelled(.slowConsumer) }
        } else if self.backlog?.stallDeadline != nil {
            self.scheduleWake()
        }
    }

    /// The bytes in a buffer of their own: the arena is used again in the next tick.
    private static func copy(_ chunks: ArraySlice<UnsafeRawBufferPointer>) -> ByteBuffer {
        var total = 0
        for chunk in chunks { total += chunk.count }
        var buffer = ByteBufferAllocator().buffer(capacity: total)
        for chunk in chunks { buffer.writeBytes(chunk) }
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
        if let next = self.backlog?.transportWrote(now: self.shard.eventLoop.now) {
            self.accountForBacklog()
            self.transmit(next)
        } else {
            self.backlog = nil
            self.accountForBacklog()
            self.allWritten()
            self.drained()
        }
    }

    /// Tells the process how much waits for this connection; the largest of all that waits goes when that is too much.
    func accountForBacklog() {
        guard let connection = self.connection else { return }
        let bytes = self.backlog?.byteCount ?? 0
        guard bytes > 0 else {
            self.outputHolding = nil
            return
        }
        let holding = self.outputHolding ?? self.open(.output, for: connection, reason: .slowConsumer)
        self.outputHolding = holding
        holding.update(bytes: bytes)
    }

    /// As ``accountForBacklog()``, for what has come and is not dealt with.
    func accountForInput() {
        guard let connection = self.connection else { return }
        let bytes = self.unfinishedBytes
        guard bytes > 0 else {
            self.inputHolding = nil
            return
        }
        let holding = self.inputHolding ?? self.open(.input, for: connection, reason: .overloaded)
        self.inputHolding = holding
        holding.update(bytes: bytes)
    }

    private func open(
        _ kind: MemoryLedger.Kind,
        for connection: Connection,
        reason: CloseReason
    ) -> MemoryLedger.Holding {
        let (hub, id) = (self.hub, connection.id)
        return self.profile.ledger.open(kind) { hub.expel(id, reason) }
    }
}
