public import NIOCore

/// Compresses the messages of one connection, each with the help of those before (context takeover, RFC 7692 §7.1.1).
///
/// Messages must be sent in the order in which they were compressed. Confined to the connection's loop.
public final class ContextDeflater {
    /// `nil` for a window of 8 bits, which zlib cannot do, or when it gets no memory: messages are only stored then.
    private let stream: DeflateStream?

    /// Takes `4 << windowBits` + `512 << memoryLevel` bytes, 144 KiB by default, for the life of the connection.
    ///
    /// - Parameters:
    ///   - windowBits: Agreed for our direction, 8...15.
    ///   - level: zlib's, 1 (fast) to 9 (small).
    ///   - memoryLevel: zlib's, 1...9.
    public init(windowBits: Int = 15, level: Int = 3, memoryLevel: Int = 5) {
        guard windowBits > 8 else {
            self.stream = nil
            return
        }
        self.stream = DeflateStream(
            windowBits: min(windowBits, 15),
            level: min(max(level, 1), 9),
            memoryLevel: min(max(memoryLevel, 1), 9)
        )
    }

    /// Appends the compressed readable bytes of `payload`, without the tail 00 00 ff ff (RFC 7692 §7.2.1).
    public func compress(_ payload: ByteBuffer, into output: inout ByteBuffer) {
        payload.withUnsafeReadableBytes { self.compress($0, into: &output) }
    }

    /// Appends the compressed form of `payload`, without the tail 00 00 ff ff (RFC 7692 §7.2.1).
    public func compress(_ payload: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        guard let stream = self.stream else { return StoredBlocks.write(payload, into: &output) }
        stream.deflate(payload, into: &output)
    }
}

@available(*, unavailable)
extension ContextDeflater: Sendable {}
