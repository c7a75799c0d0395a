/// The header of one frame, already checked against the rules that need no memory of earlier frames (RFC 6455 §5.2).
struct FrameHeader: Equatable {
    /// Two fixed bytes, eight of extended length, four of masking key.
    static let maximumBytes = 14

    var opcode: WebSocketOpcode
    var fin: Bool
    /// RSV1, which permessage-deflate uses to mark the first frame of a compressed message (RFC 7692 §6).
    var compressed: Bool
    /// Zero when the frame is not masked; XORing with zero changes nothing, so nobody has to ask.
    var mask: UInt32
    var payloadBytes: Int
}

extension FrameHeader {
    /// Reads a header from the start of `bytes`.
    ///
    /// Checks each byte as soon as it is there, in order, so that the outcome does not depend on how the stream was
    /// cut.
    /// - Returns: The header and its size in bytes, or `nil` when more bytes are needed.
    static func parse(
        _ bytes: UnsafeRawBufferPointer,
        role: WebSocketRole,
        allowsCompression: Bool
    ) throws(Violation) -> (FrameHeader, Int)? {
        guard bytes.count >= 1 else { return nil }
        let first = bytes[0]
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0f) else { throw .reservedOpcode(first & 0x0f) }
        let fin = first & 0x80 != 0
        let compressed = first & 0x40 != 0
        guard first & 0x30 == 0 else { throw .reservedBits(first & 0x70) }
        if compressed {
            guard allowsCompression, opcode == .text || opcode == .binary else { throw .reservedBits(first & 0x70) }
        }
        if opcode.isControl, !fin { throw .fragmentedControl(opcode) }

        guard bytes.count >= 2 else { return nil }
        let second = bytes[1]
        let masked = second & 0x80 != 0
        if role == .server, !masked { throw .notMasked }
        if role == .client, masked { throw .masked }
        let shortLength = Int(second & 0x7f)
        if opcode.isControl, shortLength > 125 { throw .controlTooLong(opcode) }

        var size = 2
        var length = shortLength
        if shortLength == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            guard length > 125 else { throw .lengthNotMinimal(length) }
            size = 4
        } else if shortLength == 127 {
            guard bytes.count >= 10 else { return nil }
            let long = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard let exact = Int(exactly: long) else { throw .lengthOutOfRange }
            guard exact > 0xffff else { throw .lengthNotMinimal(exact) }
            length = exact
            size = 10
        }

        var mask: UInt32 = 0
        if masked {
            guard bytes.count >= size + 4 else { return nil }
            mask = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: size, as: UInt32.self))
            size += 4
        }
        return (FrameHeader(opcode: opcode, fin: fin, compressed: compressed, mask: mask, payloadBytes: length), size)
    }
}
