import NIOCore

/// Inflates messages that do not build on earlier ones. One per event loop serves all of its connections, so that a
/// connection without context takeover holds no zlib state between messages. Confined to its loop.
public final class SharedInflater {
    private let stream = InflateStream()

    /// About 44 KiB, once a message needed it.
    public init() {}

    func inflate(_ payload: ByteBuffer, limit: Int, isText: Bool) throws(Violation) -> ByteBuffer {
        // Before, not after: a failed message leaves the stream in the middle of a block.
        self.stream.reset()
        return try self.stream.inflate(payload, limit: limit, isText: isText)
    }
}

@available(*, unavailable)
extension SharedInflater: Sendable {}
