internal import NIOCore
internal import ParleyModel

/// The lines of a topic's history as one snapshot format renders them, each rendered once.
///
/// It follows the history by offsets: what has gone from there goes from here, what has come is appended.
final class SnapshotLines {
    let format: any SnapshotFormat
    private(set) var bytes = ByteBuffer()
    private var lines: CircularBuffer<Line> = []
    /// The publication that comes after the last line.
    private var nextOffset: UInt64 = 0

    private struct Line {
        let offset: UInt64
        let byteCount: Int
    }

    init(format: any SnapshotFormat) {
        self.format = format
    }

    /// What it holds in memory, about.
    var memoryBytes: Int { self.bytes.capacity + self.lines.count * MemoryLayout<Line>.stride }

    func follow(_ history: History) {
        guard let offsets = history.offsets else { return self.clear() }
        // Ahead of the history, or behind its beginning: of another life than this.
        if self.nextOffset > offsets.upperBound + 1 || self.nextOffset < offsets.lowerBound { self.clear() }
        if self.lines.isEmpty { self.nextOffset = offsets.lowerBound }
        while let first = self.lines.first, first.offset < offsets.lowerBound {
            self.bytes.moveReaderIndex(forwardBy: self.lines.removeFirst().byteCount)
        }
        self.reclaim()
        guard self.nextOffset <= offsets.upperBound else { return }
        history.forEach(from: self.nextOffset) { publication in
            let start = self.bytes.writerIndex
            self.format.encodeLine(publication, into: &self.bytes)
            self.lines.append(Line(offset: publication.offset, byteCount: self.bytes.writerIndex - start))
        }
        self.nextOffset = offsets.upperBound + 1
    }

    func clear() {
        self.bytes = ByteBuffer()
        self.lines = []
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
