internal import NIOCore

/// Cuts output into lines of bounded length.
struct LineSplitter: Sendable {
    /// A longer line is cut into several.
    static let maximumLineBytes = 16 * 1024

    private var pending = ByteBuffer()

    /// - Returns: The lines that are complete, without their ends.
    mutating func append(_ bytes: ByteBuffer) -> [String] {
        self.pending.writeImmutableBuffer(bytes)
        var lines: [String] = []
        while let line = self.next() { lines.append(line) }
        self.pending.discardReadBytes()
        return lines
    }

    /// What has no line end, at the end of the stream.
    mutating func rest() -> String? {
        self.pending.readableBytes > 0 ? self.pending.readString(length: self.pending.readableBytes) : nil
    }

    private mutating func next() -> String? {
        let view = self.pending.readableBytesView.prefix(Self.maximumLineBytes)
        if let end = view.firstIndex(of: UInt8(ascii: "\n")) {
            var line = self.pending.readString(length: end - view.startIndex)
            self.pending.moveReaderIndex(forwardBy: 1)
            if line?.utf8.last == UInt8(ascii: "\r") { line?.removeLast() }
            return line
        }
        return view.count == Self.maximumLineBytes ? self.pending.readString(length: view.count) : nil
    }
}
