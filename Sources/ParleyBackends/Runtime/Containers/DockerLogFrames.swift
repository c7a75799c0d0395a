internal import NIOCore

/// Takes the log stream of a container apart: frames of eight bytes and a payload, stdout and stderr mixed.
///
/// Source: Docker Engine API, "Attach to a container", stream format.
struct DockerLogFrames {
    private var frames = ByteBuffer()
    private var text = LineSplitter()

    /// - Returns: The lines that are complete.
    mutating func receive(_ bytes: ByteBuffer) -> [String] {
        self.frames.writeImmutableBuffer(bytes)
        var lines: [String] = []
        while let header = self.frames.getInteger(at: self.frames.readerIndex + 4, as: UInt32.self) {
            guard let payload = self.frames.getSlice(at: self.frames.readerIndex + 8, length: Int(header)) else {
                break
            }
            lines += self.text.append(payload)
            self.frames.moveReaderIndex(forwardBy: 8 + Int(header))
        }
        self.frames.discardReadBytes()
        return lines
    }

    /// What has no line end, at the end of the stream.
    mutating func rest() -> String? { self.text.rest() }
}
