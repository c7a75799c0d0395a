internal import NIOCore
internal import WebSocketProtocol

/// Messages that were given to a backend and that it may not have read: up to the last ping that it has answered, as it reads
/// in order (RFC 6455 §5.5.3).
struct UnreadMessages: Sendable {
    private var messages = ByteBuffer()
    /// Bytes at their beginning that the connection has taken.
    private var writtenBytes = 0
    /// Bytes before the ping that is on its way; `nil`: none is.
    private var probedBytes: Int?
    private var probes = 0
    /// Whether a backend of this kind answers pings at all.
    private var isAnswering = false

    /// - Parameter maximum: Beyond so many bytes those are forgotten that the connection has taken.
    mutating func give(_ message: ByteBuffer, atMost maximum: Int) {
        if self.messages.readableBytes + message.readableBytes > maximum { self.forget(self.writtenBytes) }
        self.messages.writeImmutableBuffer(message)
    }

    mutating func wrote(_ count: Int) {
        self.writtenBytes = min(self.writtenBytes + count, self.messages.readableBytes)
    }

    /// - Returns: A ping to go behind what was given so far, if there is anything to find out.
    mutating func probe() -> ByteBuffer? {
        guard self.probedBytes == nil, self.messages.readableBytes > 0 || self.probes == 0 else { return nil }
        self.probes += 1
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
        self.wrote(max(0, probed - self.writtenBytes))
        self.forget(probed)
        return true
    }

    /// The backend is gone.
    /// - Returns: What the next is to be given.
    mutating func take(isReset: Bool) -> ByteBuffer {
        if !isReset || !self.isAnswering { self.forget(self.writtenBytes) }
        let left = self.messages
        self.messages = ByteBuffer()
        self.writtenBytes = 0
        self.probedBytes = nil
        return left
    }

    private mutating func forget(_ count: Int) {
        self.messages.moveReaderIndex(forwardBy: min(count, self.messages.readableBytes))
        if self.messages.readableBytes == 0 { self.messages.clear() }
        self.writtenBytes = max(0, self.writtenBytes - count)
        self.probedBytes = self.probedBytes.map { max(0, $0 - count) }
    }
}
