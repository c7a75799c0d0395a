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
    /// With too many messages waiting, a connection is closed when its socket has taken nothing for this long: a reader that
    /// is merely slower than a burst stays. Bytes are bounded in any case.
    public var stallTime: TimeAmount
    /// With too many bytes waiting, the same: a reader that makes progress stays, within what a process may have waiting.
    public var overrunTime: TimeAmount
    /// A connection whose socket has taken nothing for this long, with anything waiting, is closed; `nil`: never for that.
    public var writeTimeout: TimeAmount?

    public init(
        overflow: Overflow = .close,
        maximumBytes: Int = 1 << 20,
        maximumMessages: Int = 0,
        stallTime: TimeAmount = .zero,
        overrunTime: TimeAmount = .zero,
        writeTimeout: TimeAmount? = nil
    ) {
        self.overflow = overflow
        self.maximumBytes = maximumBytes
        self.maximumMessages = maximumMessages
        self.stallTime = stallTime
        self.overrunTime = overrunTime
        self.writeTimeout = writeTimeout
    }
}

/// What waits for a connection whose socket took less than it was given.
///
/// One piece at a time is with the transport; the rest waits here, whole messages only, so that any of them may be dropped
/// without breaking the stream.
public struct Backlog: Sendable {
    /// Pieces for the transport are about this large: small enough to see that a slow reader makes progress.
    static let pieceBytes = 64 * 1024

    private struct Piece {
        var bytes: ByteBuffer
        var messages: Int
        /// A protocol frame rather than a message: no snapshot takes its place, and it takes the place of none.
        var isControl: Bool
    }

    private let policy: SlowConsumerPolicy
    /// Bytes that the transport holds and has not written yet.
    private var inFlight = 0
    /// The rest of what it has begun with.
    private var begun = ByteBuffer()
    private var waiting: CircularBuffer<Piece> = []
    private var waitingBytes = 0
    private var waitingMessages = 0
    /// When the transport last took something.
    private var lastProgress: NIODeadline

    public init(policy: SlowConsumerPolicy, now: NIODeadline) {
        self.policy = policy
        self.lastProgress = now
    }

    public enum AppendAction: Equatable, Sendable {
        case keep
        /// The policy's limit is passed and asks for the connection to be closed.
        case closeSlowConsumer
    }

    /// All bytes that have not reached the kernel.
    public var byteCount: Int { self.inFlight + self.begun.readableBytes + self.waitingBytes }

    /// When the connection is to be closed unless its socket takes something before; `nil` while it is within its limits and in time.
    public var stallDeadline: NIODeadline? {
        guard self.policy.overflow == .close else { return nil }
        var patience = self.policy.writeTimeout
        if self.hasTooManyMessages { patience = self.policy.stallTime }
        if self.hasTooManyBytes { patience = min(self.policy.overrunTime, patience ?? self.policy.overrunTime) }
        return patience.map { self.lastProgress + $0 }
    }

    /// Begins with the rest of what a short write left.
    /// - Returns: What the transport gets first.
    public mutating func begin(with bytes: ByteBuffer) -> ByteBuffer {
        self.begun = bytes
        return self.nextPiece()
    }

    /// Lets `messages`, whole ones that lie one after another in `bytes`, wait behind the others.
    /// - Parameter isControl: Whether it is a ping, pong or close frame. Of those, too, only the newest is worth keeping where
    ///   only the newest message is (RFC 6455 §5.5.3 allows it for pongs).
    public mutating func append(
        _ bytes: ByteBuffer,
        messages: Int,
        isControl: Bool = false,
        now: NIODeadline
    ) -> AppendAction {
        switch self.policy.overflow {
        case .close:
            self.extend(bytes, messages: messages)
            // The time may be that of the turn, and the last progress later.
            if self.hasTooManyBytes, self.policy.overrunTime == .zero { return .closeSlowConsumer }
            return self.stallDeadline.map { $0 <= now } ?? false ? .closeSlowConsumer : .keep
        case .keepLatest:
            self.discard { $0.isControl == isControl }
            self.push(Piece(bytes: bytes, messages: 1, isControl: isControl))
            return .keep
        case .dropOldest:
            self.push(Piece(bytes: bytes, messages: messages, isControl: isControl))
            while self.waitingBytes > self.policy.maximumBytes || self.hasTooManyMessages, self.waiting.count > 1 {
                self.pop()
            }
            return .keep
        }
    }

    /// The transport wrote all it had; what it gets next, or `nil` when the connection has caught up.
    public mutating func transportWrote(now: NIODeadline) -> ByteBuffer? {
        self.lastProgress = now
        self.inFlight = 0
        if self.begun.readableBytes == 0 {
            guard !self.waiting.isEmpty else { return nil }
            self.begun = self.pop().bytes
        }
        return self.nextPiece()
    }

    /// A large message goes in pieces as well, or its slow reader would seem to take nothing.
    private mutating func nextPiece() -> ByteBuffer {
        let piece = self.begun.readSlice(length: min(Self.pieceBytes, self.begun.readableBytes)) ?? ByteBuffer()
        if self.begun.readableBytes == 0 { self.begun = ByteBuffer() }
        self.inFlight = piece.readableBytes
        return piece
    }

    /// Forgets what has not begun to be sent, to make way for a close frame.
    public mutating func discardWaiting() {
        self.discard { _ in true }
    }

    private var hasTooManyBytes: Bool { self.waitingBytes > self.policy.maximumBytes }

    private var hasTooManyMessages: Bool {
        self.policy.maximumMessages > 0 && self.waitingMessages > self.policy.maximumMessages
    }

    private mutating func extend(_ bytes: ByteBuffer, messages: Int) {
        guard let last = self.waiting.indices.last,
            self.waiting[last].bytes.readableBytes + bytes.readableBytes <= Self.pieceBytes
        else { return self.push(Piece(bytes: bytes, messages: messages, isControl: false)) }
        self.waiting[last].bytes.writeImmutableBuffer(bytes)
        self.waiting[last].messages += messages
        self.waitingBytes += bytes.readableBytes
        self.waitingMessages += messages
    }

    private mutating func push(_ piece: Piece) {
        self.waiting.append(piece)
        self.waitingBytes += piece.bytes.readableBytes
        self.waitingMessages += piece.messages
    }

    @discardableResult
    private mutating func pop() -> Piece {
        let piece = self.waiting.removeFirst()
        self.waitingBytes -= piece.bytes.readableBytes
        self.waitingMessages -= piece.messages
        return piece
    }

    private mutating func discard(where isUnwanted: (Piece) -> Bool) {
        let pieces = self.waiting
        self.waiting.removeAll()
        self.waitingBytes = 0
        self.waitingMessages = 0
        for piece in pieces where !isUnwanted(piece) { self.push(piece) }
    }
}
