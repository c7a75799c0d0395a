public import NIOCore

extension WebSocketFrame {
    /// What fits into a close frame beside the code: control payloads end at 125 bytes (RFC 6455 §5.5).
    public static let maximumCloseReasonBytes = 123

    /// Writes a close frame (RFC 6455 §5.5.1).
    ///
    /// - Parameters:
    ///   - code: `nil`, or a code that is not allowed on the wire, gives a frame without payload, and `reason` is left
    ///     out.
    ///   - reason: For logs, not for people. Cut on a character boundary to ``maximumCloseReasonBytes`` of UTF-8.
    public static func writeClose(
        code: WebSocketCloseCode?,
        reason: String,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        guard let code, code.isAllowedOnTheWire else {
            return self.writeHeader(opcode: .close, payloadBytes: 0, mask: mask, into: &buffer)
        }
        let reason = reason.utf8Prefix(maximumBytes: self.maximumCloseReasonBytes)
        let count = 2 + reason.utf8.count
        self.writeHeader(opcode: .close, payloadBytes: count, mask: mask, into: &buffer)
        buffer.writeInteger(code.rawValue)
        buffer.writeSubstring(reason)
        if let mask {
            self.maskLast(count, with: mask, in: &buffer)
        }
    }
}

extension String {
    /// The longest prefix of whole Unicode scalars that fits into `maximumBytes` of UTF-8.
    func utf8Prefix(maximumBytes: Int) -> Substring {
        guard self.utf8.count > maximumBytes else { return self[...] }
        var end = self.utf8.index(self.utf8.startIndex, offsetBy: maximumBytes)
        // Step back over continuation bytes: a cut inside a scalar would make the peer fail us with 1007.
        while self.utf8[end] & 0xc0 == 0x80 {
            end = self.utf8.index(before: end)
        }
        return self[..<end]
    }
}
