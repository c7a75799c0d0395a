import NIOCore

extension WebSocketConnection {
    /// Inflates a whole message (RFC 7692 §7.2.2), with the peer's history if it keeps one.
    mutating func inflate(
        _ payload: ByteBuffer,
        kind: WebSocketMessageKind,
        inflater: SharedInflater?
    ) throws(Violation) -> ByteBuffer {
        let limit = self.configuration.limits.maximumMessageBytes
        let isText = kind == .text
        guard let compression = self.compression, compression.keepsContext(sender: self.role.peer) else {
            return try (inflater ?? SharedInflater()).inflate(payload, limit: limit, isText: isText)
        }
        let stream = self.peerContext ?? InflateStream(windowBits: compression.windowBits(sender: self.role.peer))
        self.peerContext = stream
        return try stream.inflate(payload, limit: limit, isText: isText)
    }
}

extension WebSocketRole {
    var peer: WebSocketRole { self == .server ? .client : .server }
}
