import NIOCore

/// What has arrived of a header, frame or message that is not complete. Exists only while there is such a thing, so an
/// idle connection does not pay for it.
final class Unfinished {
    var headerBytes = PartialHeader()
    /// The frame whose payload is still arriving.
    var frame: FrameHeader?
    /// How much of that payload has been seen.
    var frameBytesReceived = 0
    /// The payload of a control frame; data goes straight to ``message``.
    var control = ByteBuffer()
    var message: UnfinishedMessage?

    var isEmpty: Bool { self.headerBytes.count == 0 && self.frame == nil && self.message == nil }
}

/// The frames of one message, up to here.
struct UnfinishedMessage {
    let kind: WebSocketMessageKind
    let compressed: Bool
    var fragments = 1
    /// Unmasked; as compressed as it came.
    var payload = ByteBuffer()
    var utf8 = UTF8Validator()

    init(_ header: FrameHeader) {
        self.kind = header.opcode == .text ? .text : .binary
        self.compressed = header.compressed
    }

    /// Copies `bytes` of the next frame, or of a piece of it.
    mutating func append(_ bytes: ByteBuffer) throws(Violation) {
        if self.kind == .text, !self.compressed {
            let isText = bytes.withUnsafeReadableBytes { self.utf8.consume($0) }
            guard isText else { throw .textNotUTF8 }
        }
        self.payload.writeImmutableBuffer(bytes)
    }
}

/// The first bytes of a frame header that was cut by the end of a read.
struct PartialHeader {
    private var storage: (UInt64, UInt64) = (0, 0)
    private(set) var count = 0

    /// Appends what fits of `bytes` and parses.
    ///
    /// - Returns: The header and how many of `bytes` belong to it. When it is `nil`, all of them were kept.
    mutating func parse(
        appending bytes: UnsafeRawBufferPointer,
        role: WebSocketRole,
        allowsCompression: Bool
    ) throws(Violation) -> (FrameHeader, Int)? {
        let before = self.count
        let added = min(bytes.count, FrameHeader.maximumBytes - before)
        self.count += added
        let count = self.count
        let parsed = try withUnsafeMutableBytes(of: &self.storage) { storage throws(Violation) in
            UnsafeMutableRawBufferPointer(rebasing: storage[before..<count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<added]))
            return try FrameHeader.parse(
                UnsafeRawBufferPointer(rebasing: storage[..<count]),
                role: role,
                allowsCompression: allowsCompression
            )
        }
        guard let (header, size) = parsed else { return nil }
        self.count = 0
        return (header, size - before)
    }
}
