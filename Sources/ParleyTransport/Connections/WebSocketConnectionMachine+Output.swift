internal import NIOCore
internal import ParleyHub

/// What is written, while the socket takes less than it is given, and what follows when all of it is written.
extension WebSocketConnectionMachine {
    /// What waits for the socket, in bytes.
    var waitingBytes: Int { self.backlog?.byteCount ?? 0 }

    /// Whether something waits for the socket: whatever is sent now has to wait behind it.
    var isBehind: Bool { self.backlog != nil }

    /// Whether the hub may write to the socket by itself. At the end nothing may be written unseen.
    var writesDirectly: Bool { self.backlog == nil && self.isOpen && !self.shutsOutputWhenWritten }

    enum AfterWriting: Equatable {
        case nothing
        case end
        /// Shut our side: the peer sees the end of the stream.
        case shutOutput
    }

    /// Everything that was to be sent is with the kernel.
    mutating func allWritten() -> AfterWriting {
        if case .ending = self.phase { return .end }
        guard self.shutsOutputWhenWritten, self.phase != .over else { return .nothing }
        self.shutsOutputWhenWritten = false
        return .shutOutput
    }

    /// The socket took only the first `written` bytes of `chunks`.
    ///
    /// The transport gets the rest: all of it, or, where single messages may have to be dropped, only the one that has begun.
    /// - Returns: What the transport gets first; `nil` when nothing is left.
    mutating func fellBehind(
        _ chunks: ContiguousArray<UnsafeRawBufferPointer>,
        messages: Int,
        written: Int,
        at now: NIODeadline
    ) -> ByteBuffer? {
        var remaining = chunks[...]
        var written = written
        while let first = remaining.first, first.count <= written {
            written -= first.count
            remaining.removeFirst()
        }
        guard let first = remaining.first else { return nil }
        remaining[remaining.startIndex] = UnsafeRawBufferPointer(rebasing: first[written...])
        let begun: ByteBuffer
        if self.rules.slowConsumer.overflow == .close {
            begun = Self.copy(remaining)
            remaining = []
        } else {
            begun = Self.copy(remaining.prefix(1))
            remaining.removeFirst()
        }
        var backlog = Backlog(policy: self.rules.slowConsumer, now: now)
        let piece = backlog.begin(with: begun)
        self.backlog = backlog
        if !remaining.isEmpty { _ = self.enqueue(remaining, messages: messages, at: now) }
        return piece
    }

    /// Lets `chunks` wait behind what waits already.
    /// - Returns: Whether that is more than may wait for this connection, and it has to go.
    mutating func enqueue(
        _ chunks: ArraySlice<UnsafeRawBufferPointer>,
        messages: Int,
        at now: NIODeadline
    ) -> Bool {
        guard self.rules.slowConsumer.overflow != .close else {
            let action = self.backlog?.append(Self.copy(chunks), messages: messages, now: now) ?? .keep
            return action == .closeSlowConsumer && self.isOpen
        }
        for chunk in chunks {
            // RFC 6455 §5.2: the opcodes of control frames have this bit.
            let isControl = (chunk.first ?? 0) & 0x08 != 0
            _ = self.backlog?.append(Self.copy([chunk]), messages: 1, isControl: isControl, now: now)
        }
        return false
    }

    /// The transport wrote what it had.
    /// - Returns: What it gets next; `nil` when the connection has caught up.
    mutating func transportWrote(at now: NIODeadline) -> ByteBuffer? {
        if let next = self.backlog?.transportWrote(now: now) { return next }
        self.backlog = nil
        return nil
    }

    /// The bytes in a buffer of their own: the arena is used again in the next tick.
    private static func copy(_ chunks: ArraySlice<UnsafeRawBufferPointer>) -> ByteBuffer {
        var total = 0
        for chunk in chunks { total += chunk.count }
        var buffer = ByteBufferAllocator().buffer(capacity: total)
        for chunk in chunks { buffer.writeBytes(chunk) }
        return buffer
    }
}
