internal import NIOCore
internal import WebSocketProtocol

/// Messages that were given to a backend and that it may not have read: up to the last ping that it has answered, as it reads
/// in order (RFC 6455 §5.5.3).
struct UnreadMessages: Sendable {
    private(set) var messages = ByteBuffer()
    /// Bytes at their beginning that the connection has taken.
    private var writtenBytes = 0
    /// Bytes before the ping that is on its way; `nil`: none is.
    private var probedBytes: Int?
    private var probes = 0
    /// Whether a backend of this kind answers pings at all.
    private var isAnswering = false
    /// What was given and is not here, and may be unread.
    private var gap = Gap.none

    private enum Gap {
        case none
        case open
        /// The ping that is on its way will show that it is read.
        case probed
    }

    var bytes: Int { self.messages.readableBytes }

    /// - Parameter maximum: Beyond so many bytes those are forgotten that the connection has taken.
    mutating func give(_ message: ByteBuffer, atMost maximum: Int) {
        if self.messages.readableBytes + message.readableBytes > maximum, self.writtenBytes > 0 {
            self.forget(self.writtenBytes)
            self.gap = .open
        }
        self.messages.writeImmutableBuffer(message)
    }

    /// Something was given that is too long to be kept.
    mutating func giveUnkept() { self.gap = .open }

    mutating func wrote(_ count: Int) {
        self.writtenBytes = min(self.writtenBytes + count, self.messages.readableBytes)
    }

    /// - Returns: A ping to go behind what was given so far, if there is anything to find out.
    mutating func probe() -> ByteBuffer? {
        let isWorthAsking = self.messages.readableBytes > 0 || self.gap != .none || self.probes == 0
        guard self.probedBytes == nil, isWorthAsking else { return nil }
        self.probes += 1
        if self.gap == .open { self.gap = .probed }
        self.probedBytes = self.messages.readableBytes
        var ping = ByteBuffer()
        // The mask keeps clients from choosing what stands on the wire (§10.3); nothing here is a client's choice.
        WebSocketFrame.write(.ping, bytes: self.payload.utf8, mask: 0, into: &ping)
        return ping
    }

    /// No client's ping is taken for ours by chance.
    private var payload: String { "parley resume \(self.probes)" }

    /// - Returns: Whether the pong is the answer to our ping.
    mutating func confirm(_ pong: ByteBuffer) -> Bool {
        guard let probed = self.probedBytes, pong.readableBytesView.dropFirst(2).elementsEqual(self.payload.utf8) else {
            return false
        }
        self.isAnswering = true
        self.probedBytes = nil
        if self.gap == .probed { self.gap = .none }
        self.wrote(max(0, probed - self.writtenBytes))
        self.forget(probed)
        return true
    }

    /// The backend is gone.
    /// - Returns: What the next is to be given; `nil`: something that may be unread is not here any more.
    mutating func take(isReset: Bool) -> ByteBuffer? {
        let hasGap = self.gap != .none
        self.gap = .none
        if !isReset || !self.isAnswering { self.forget(self.writtenBytes) }
        let left = self.messages
        self.messages = ByteBuffer()
        self.writtenBytes = 0
        self.probedBytes = nil
        return isReset && self.isAnswering && hasGap ? nil : left
    }

    private mutating func forget(_ count: Int) {
        self.messages.moveReaderIndex(forwardBy: min(count, self.messages.readableBytes))
        if self.messages.readableBytes == 0 {
            self.messages.clear()
        } else if self.messages.readerIndex > self.messages.readableBytes {
            // Copies no more than was forgotten.
            self.messages.discardReadBytes()
        }
        self.writtenBytes = max(0, self.writtenBytes - count)
        self.probedBytes = self.probedBytes.map { max(0, $0 - count) }
    }
}
