internal import NIOCore

/// Small pieces of output go together: to copy them costs less than to give each of them to the system.
struct SmallWrites {
    static let maximumBytes = 4096

    private var gathered: ByteBuffer?

    /// - Parameter write: Called with what cannot wait for more, in order.
    mutating func add(_ piece: ByteBuffer, _ write: (ByteBuffer) -> Void) {
        let bytes = (self.gathered?.readableBytes ?? 0) + piece.readableBytes
        guard bytes <= Self.maximumBytes else {
            self.flush(write)
            if piece.readableBytes <= Self.maximumBytes { self.gathered = piece } else { write(piece) }
            return
        }
        if self.gathered == nil { self.gathered = piece } else { self.gathered?.writeImmutableBuffer(piece) }
    }

    mutating func flush(_ write: (ByteBuffer) -> Void) {
        if let gathered = self.gathered.take() { write(gathered) }
    }
}
