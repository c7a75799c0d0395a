package import NIOCore
internal import ParleyHub
package import ParleyModel
internal import WebSocketProtocol

/// How bytes reach the peer: by the hub's arena, and what the direct write could not serve through a bounded backlog.
extension WebSocketHandler {
    // MARK: What is said

    package final func send(_ kind: MessageKind, _ message: ByteBuffer) {
        let (tools, windowBits) = (self.tools, self.windowBits)
        guard let connection = self.connection else {
            return self.sendByPipeline { tools.writeFrame(kind, message, windowBits: windowBits, into: &$0) }
        }
        let shard = self.shard
        connection.lastSent = shard.context.now
        shard.send(to: connection) { tools.writeFrame(kind, message, windowBits: windowBits, into: &$0) }
    }

    func send(_ body: (inout ByteBuffer) -> Void) {
        guard let connection = self.connection else { return self.sendByPipeline(body) }
        self.shard.send(to: connection, body)
    }

    /// For what is said before there is a connection in the hub.
    private func sendByPipeline(_ body: (inout ByteBuffer) -> Void) {
        guard let context = self.context else { return }
        var bytes = ByteBuffer()
        body(&bytes)
        let promise = context.eventLoop.makePromise(of: Void.self)
        self.pipelineWrites += 1
        promise.futureResult.assumeIsolated().whenSuccess {
            self.pipelineWrites -= 1
            if self.connection == nil, self.pipelineWrites == 0 { self.allWritten() }
        }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: promise)
    }

    /// Sends one text message from outside of the topic.
    /// - Returns: False when more waits for this connection than it may have.
    package final func deliver(_ text: ByteBuffer) -> Bool {
        guard self.machine.waitingBytes < self.profile.slowConsumer.maximumBytes else { return false }
        // Nothing was read on this loop that would have told the time.
        self.shard.context.now = self.shard.eventLoop.now
        self.send(.text, text)
        return true
    }

    // MARK: What the hub writes

    public func write(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        guard self.context != nil else { return }
        if self.machine.isBehind {
            self.enqueue(chunks, messages: messages)
        } else if let socket = self.socket, written == 0 {
            switch SocketWriter().write(chunks, to: socket) {
            case .wrote(let count): self.handOver(chunks, messages: messages, skipping: count)
            case .failed: self.writeFailed()
            }
        } else {
            self.handOver(chunks, messages: messages, skipping: written)
        }
    }

    public func writeFailed() {
        self.shard.afterFlush { self.context?.close(promise: nil) }
    }

    /// Everything that was to be sent is with the kernel.
    func allWritten() {
        switch self.machine.allWritten() {
        case .nothing: break
        case .end: self.context?.close(promise: nil)
        case .shutOutput: self.context?.close(mode: .output, promise: nil)
        }
    }

    /// Gives the transport what the kernel did not take.
    private func handOver(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int, skipping written: Int) {
        let now = self.shard.context.now
        guard let piece = self.machine.fellBehind(chunks, messages: messages, written: written, at: now) else {
            return self.allWritten()
        }
        self.updateDirectHandle()
        self.accountForBacklog()
        if self.machine.backlog?.stallDeadline != nil { self.scheduleWake() }
        self.transmit(piece)
    }

    private func enqueue(_ chunks: ContiguousArray<UnsafeRawBufferPointer>, messages: Int) {
        let isTooMuch = self.machine.enqueue(chunks[...], messages: messages, at: self.shard.context.now)
        self.accountForBacklog()
        if isTooMuch {
            self.shard.afterFlush { self.expelled(.slowConsumer) }
        } else if self.machine.backlog?.stallDeadline != nil {
            self.scheduleWake()
        }
    }

    /// One piece after another: a loop, as the transport may take each of them at once.
    private func transmit(_ first: ByteBuffer) {
        var piece = first
        while let context = self.context {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.transportWrote() }
            self.isPieceWritten = false
            self.isHandingOver = true
            context.writeAndFlush(self.wrapOutboundOut(piece), promise: promise)
            self.isHandingOver = false
            guard self.isPieceWritten, let next = self.nextPiece() else { return }
            piece = next
        }
    }

    private func transportWrote() {
        if self.isHandingOver {
            self.isPieceWritten = true
        } else if let next = self.nextPiece() {
            self.transmit(next)
        }
    }

    private func nextPiece() -> ByteBuffer? {
        guard self.context != nil else { return nil }
        let next = self.machine.transportWrote(at: self.shard.eventLoop.now)
        self.accountForBacklog()
        if next == nil {
            self.updateDirectHandle()
            self.allWritten()
            self.drained()
        }
        return next
    }

    // MARK: What waits

    /// Tells the process how much waits for this connection; the largest of all that waits goes when that is too much.
    func accountForBacklog() {
        guard let connection = self.connection else { return }
        let bytes = self.machine.waitingBytes
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
        let bytes = self.machine.unfinishedBytes
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
