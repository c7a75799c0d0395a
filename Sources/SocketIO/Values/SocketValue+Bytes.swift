public import NIOCore

extension SocketValue {
    /// The value as JSON: as it came, where it came over the wire. Binary in it becomes a placeholder.
    public var jsonBytes: ByteBuffer { self.jsonAndAttachments.json }

    /// The value as JSON, with a placeholder for each run of bytes in it, and these bytes.
    public var jsonAndAttachments: (json: ByteBuffer, attachments: [ByteBuffer]) {
        if case .json(let bytes) = self { return (bytes, []) }
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        self.writeJSON(into: &json, attachments: &attachments)
        return (json, attachments)
    }
}

extension SocketValue {
    /// The same, for keeping: what came over the wire is a slice of a read buffer, and would keep all of it.
    public func detached() -> SocketValue {
        guard case .json(let bytes) = self else { return self }
        return .json(bytes.detached())
    }
}
