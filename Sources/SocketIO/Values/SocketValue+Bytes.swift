public import NIOCore

extension SocketValue {
    /// The value as JSON: as it came, where it came over the wire. Binary in it becomes a placeholder.
    public var jsonBytes: ByteBuffer {
        if case .json(let bytes) = self { return bytes }
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        self.writeJSON(into: &json, attachments: &attachments)
        return json
    }
}
