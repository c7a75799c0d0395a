internal import NIOCore
internal import ParleyModel

/// The lines of a topic's history as one snapshot format renders them, each rendered once.
///
/// It follows the history by offsets: what has gone from there goes from here, what has come is appended.
final class SnapshotLines {
    let format: any SnapshotFormat
    private(set) var bytes = ByteBuffer()
    /// The length of each line.
    private var lengths: CircularBuffer<Int> = []
    /// The publication that comes after the last line.
    private var nextOffset: UInt64 = 0

    init(format: any SnapshotFormat) {
        self.format = format
    }

    /// What it holds in memory, about.
    var memoryBytes: Int { self.bytes.capacity + self.lengths.count * MemoryLayout<Int>.stride }

    func follow(_ history: History) {
        guard let offsets = history.offsets else { return self.clear() }
        // Ahead of the history, or behind its beginning: of another life than this.
        if self.nextOffset > offsets.upperBound + 1 || self.nextOffset < offsets.lowerBound { self.clear() }
        if self.lengths.isEmpty { self.nextOffset = offsets.lowerBound }
        while self.nextOffset - UInt64(self.lengths.count) < offsets.lowerBound, !self.lengths.isEmpty {
            self.bytes.moveReaderIndex(forwardBy: self.lengths.removeFirst())
        }
        self.reclaim()
        guard self.nextOffset <= offsets.upperBound else { return }
        history.forEach(from: self.nextOffset) { publication in
            let start = self.bytes.writerIndex
            self.format.encodeLine(publication, into: &self.bytes)
            self.lengths.append(self.bytes.writerIndex - start)
        }
        self.nextOffset = offsets.upperBound + 1
    }

    func clear() {
        self.bytes = ByteBuffer()
        self.lengths = []
    }

    /// Once as much lies before the lines as is in them, the room is used again, or given back if it is far too much.
    private func reclaim() {
        guard self.bytes.readerIndex > self.bytes.readableBytes else { return }
        if self.bytes.readableBytes * 4 < self.bytes.capacity {
            self.bytes = ByteBuffer(buffer: self.bytes)
        } else {
            self.bytes.discardReadBytes()
        }
    }
}
