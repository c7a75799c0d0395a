internal import NIOCore

/// Takes the log stream of a container apart: frames of eight bytes and a payload, stdout and stderr mixed.
///
/// Source: Docker Engine API, "Attach to a container", stream format.
struct DockerLogFrames {
    /// A line longer than this is cut into several.
    static let maximumLineBytes = 16 * 1024

    private var frames = ByteBuffer()
    private var text = ByteBuffer()

    /// - Returns: The lines that are complete.
    mutating func receive(_ bytes: ByteBuffer) -> [String] {
        self.frames.writeImmutableBuffer(bytes)
        while let header = self.frames.getInteger(at: self.frames.readerIndex + 4, as: UInt32.self) {
            guard var payload = self.frames.getSlice(at: self.frames.readerIndex + 8, length: Int(header)) else {
                break
            }
            self.text.writeBuffer(&payload)
            self.frames.moveReaderIndex(forwardBy: 8 + Int(header))
        }
        self.frames.discardReadBytes()
        var lines: [String] = []
        while let line = self.nextLine() { lines.append(line) }
        self.text.discardReadBytes()
        return lines
    }

    /// What has no line end, at the end of the stream.
    mutating func rest() -> String? {
        self.text.readableBytes > 0 ? self.text.readString(length: self.text.readableBytes) : nil
    }

    private mutating func nextLine() -> String? {
        let view = self.text.readableBytesView.prefix(Self.maximumLineBytes)
        if let end = view.firstIndex(of: UInt8(ascii: "\n")) {
            let line = self.text.readString(length: end - view.startIndex)
            self.text.moveReaderIndex(forwardBy: 1)
            return line.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
        }
        return view.count == Self.maximumLineBytes ? self.text.readString(length: view.count) : nil
    }
}
