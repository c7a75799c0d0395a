public import NIOCore

/// What happens to a connection that does not read as fast as it is written to.
public struct SlowConsumerPolicy: Sendable, Equatable {
    public enum Overflow: Sendable {
        /// Close it with ``CloseReason/slowConsumer``.
        case close
        /// Discard the oldest messages that have not begun to be sent.
        case dropOldest
        /// Keep nothing but the newest message: for dialects whose messages are complete snapshots.
        case keepLatest
    }

    public var overflow: Overflow
    /// Bytes waiting for one connection, at most.
    public var maximumBytes: Int
    /// Messages waiting for one connection, at most; 0: bounded by bytes alone.
    public var maximumMessages: Int

    public init(overflow: Overflow = .close, maximumBytes: Int = 1 << 20, maximumMessages: Int = 0) {
        self.overflow = overflow
        self.maximumBytes = maximumBytes
        self.maximumMessages = maximumMessages
    }
}

/// What waits for a connection whose socket took less than it was given.
///
/// One piece at a time is with the transport; the rest waits here, whole messages only, so that any of them may be dropped
/// without breaking the stream.
public struct Backlog: Sendable {
    private let policy: SlowConsumerPolicy
    /// Bytes that the transport holds and has not written yet.
    private var inFlight = 0
    private var waiting: CircularBuffer<ByteBuffer> = []
    private var waitingBytes = 0
    private var waitingMessages = 0

    public init(policy: SlowConsumerPolicy) {
        self.policy = policy
    }

    public enum AppendAction: Equatable, Sendable {
        case keep
        /// The policy's limit is passed and asks for the connection to be closed.
        case closeSlowConsumer
    }

    /// All bytes that have not reached the kernel.
    public var byteCount: Int { self.inFlight + self.waitingBytes }

    /// Takes note that `bytes`, the rest of what a short write left, went to the transport.
    public mutating func began(bytes: Int) {
        self.inFlight = bytes
    }

    /// Lets `messages`, whole ones that lie one after another in `bytes`, wait behind the others.
    public mutating func append(_ bytes: ByteBuffer, messages: Int) -> AppendAction {
        switch self.policy.overflow {
        case .close:
            self.waitingBytes += bytes.readableBytes
            self.waitingMessages += messages
            if self.waiting.isEmpty {
                self.waiting.append(bytes)
            } else {
                self.waiting[self.waiting.startIndex].writeImmutableBuffer(bytes)
            }
            return self.isOverLimit ? .closeSlowConsumer : .keep
        case .keepLatest:
            self.discardWaiting()
            self.push(bytes)
            return .keep
        case .dropOldest:
            self.push(bytes)
            while self.isOverLimit, self.waiting.count > 1 {
                self.waitingBytes -= self.waiting.removeFirst().readableBytes
                self.waitingMessages -= 1
            }
            return .keep
        }
    }

    /// The transport wrote all it had; what it gets next, or `nil` when the connection has caught up.
    public mutating func transportWrote() -> ByteBuffer? {
        guard !self.waiting.isEmpty else {
            self.inFlight = 0
            return nil
        }
        let next = self.waiting.removeFirst()
        self.waitingBytes -= next.readableBytes
        self.waitingMessages = self.policy.overflow == .close ? 0 : self.waitingMessages - 1
        self.inFlight = next.readableBytes
        return next
    }

    /// Forgets what has not begun to be sent, to make way for a close frame.
    public mutating func discardWaiting() {
        self.waiting.removeAll()
        self.waitingBytes = 0
        self.waitingMessages = 0
    }

    private mutating func push(_ bytes: ByteBuffer) {
        self.waiting.append(bytes)
        self.waitingBytes += bytes.readableBytes
        self.waitingMessages += 1
    }

    private var isOverLimit: Bool {
        self.waitingBytes > self.policy.maximumBytes
            || (self.policy.maximumMessages > 0 && self.waitingMessages > self.policy.maximumMessages)
    }
}
