public import NIOCore

/// Compresses messages that do not build on earlier ones. One per event loop serves all of its connections; a message
/// is compressed once and sent to every subscriber with the same window. Confined to its loop.
public final class SharedDeflater {
    private let level: Int
    private let memoryLevel: Int
    /// By window bits; made when first needed, at most seven.
    private var streams = [DeflateStream?](repeating: nil, count: 16)

    /// - Parameters:
    ///   - level: zlib's, 1 (fast) to 9 (small).
    ///   - memoryLevel: zlib's, 1...9: a hash table of `2 << (memoryLevel + 7)` bytes is cleared for every message. At
    ///     5 that is 8 KiB; at 8, zlib's default, clearing 64 KiB takes a quarter of the time of a short message, and
    ///     the ratio is hardly better.
    public init(level: Int = 3, memoryLevel: Int = 5) {
        self.level = min(max(level, 1), 9)
        self.memoryLevel = min(max(memoryLevel, 1), 9)
    }

    /// Appends the compressed readable bytes of `payload`, without the tail 00 00 ff ff (RFC 7692 §7.2.1).
    ///
    /// - Parameter windowBits: Agreed for our direction, 8...15. zlib cannot do 8; what would need it is only stored.
    public func compress(_ payload: ByteBuffer, windowBits: Int = 15, into output: inout ByteBuffer) {
        payload.withUnsafeReadableBytes { self.compress($0, windowBits: windowBits, into: &output) }
    }

    /// Appends the compressed form of `payload`, without the tail 00 00 ff ff (RFC 7692 §7.2.1).
    ///
    /// - Parameter windowBits: Agreed for our direction, 8...15. zlib cannot do 8; what would need it is only stored.
    public func compress(_ payload: UnsafeRawBufferPointer, windowBits: Int = 15, into output: inout ByteBuffer) {
        // No reference can go back further than the message is long, so a short one fits every window.
        let isWithinWindow = payload.count <= 1 << min(max(windowBits, 8), 15)
        guard let stream = self.stream(windowBits: isWithinWindow ? 15 : windowBits) else {
            return StoredBlocks.write(payload, into: &output)
        }
        stream.reset()
        stream.deflate(payload, into: &output)
    }

    private func stream(windowBits: Int) -> DeflateStream? {
        guard windowBits > 8 else { return nil }
        let windowBits = min(windowBits, 15)
        if let stream = self.streams[windowBits] { return stream }
        let stream = DeflateStream(windowBits: windowBits, level: self.level, memoryLevel: self.memoryLevel)
        self.streams[windowBits] = stream
        return stream
    }
}

@available(*, unavailable)
extension SharedDeflater: Sendable {}
