public import NIOCore

/// Writes frames into a buffer that the caller owns (RFC 6455 §5.2).
///
/// A client passes a fresh unpredictable `mask` for every frame (§5.3, §10.3); a server passes none. Lengths are always
/// encoded in their shortest form.
public enum WebSocketFrame {
    /// The size in bytes of the header that ``writeHeader(opcode:fin:compressed:payloadBytes:mask:into:)`` writes.
    @inlinable
    public static func headerSize(payloadBytes: Int, masked: Bool) -> Int {
        let length = payloadBytes <= 125 ? 2 : payloadBytes <= 0xffff ? 4 : 10
        return masked ? length &+ 4 : length
    }

    /// Writes a header; exactly `payloadBytes` bytes must follow it, XORed with ``WebSocketMask`` when `mask` is given.
    ///
    /// - Parameters:
    ///   - fin: False when more frames of the same message follow.
    ///   - compressed: Sets RSV1: the first frame of a message compressed with permessage-deflate (RFC 7692 §6).
    ///   - mask: The masking key, written in network byte order.
    @inlinable
    public static func writeHeader(
        opcode: WebSocketOpcode,
        fin: Bool = true,
        compressed: Bool = false,
        payloadBytes: Int,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: self.maximumHeaderBytes) { bytes in
            self.storeHeader(
                opcode,
                fin: fin,
                compressed: compressed,
                payloadBytes: payloadBytes,
                mask: mask,
                at: bytes
            )
        }
    }

    /// Two fixed bytes, eight of extended length, four of masking key.
    @inlinable
    static var maximumHeaderBytes: Int { 14 }

    /// - Parameter bytes: At least ``maximumHeaderBytes``.
    /// - Returns: The size of the header.
    @inlinable
    static func storeHeader(
        _ opcode: WebSocketOpcode,
        fin: Bool,
        compressed: Bool,
        payloadBytes: Int,
        mask: UInt32?,
        at bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        bytes[0] = opcode.rawValue | (fin ? 0x80 : 0) | (compressed ? 0x40 : 0)
        var size = 2
        if payloadBytes <= 125 {
            bytes[1] = UInt8(truncatingIfNeeded: payloadBytes) | maskBit
        } else if payloadBytes <= 0xffff {
            bytes[1] = 126 | maskBit
            bytes.storeBytes(of: UInt16(truncatingIfNeeded: payloadBytes).bigEndian, toByteOffset: 2, as: UInt16.self)
            size = 4
        } else {
            bytes[1] = 127 | maskBit
            bytes.storeBytes(of: UInt64(payloadBytes).bigEndian, toByteOffset: 2, as: UInt64.self)
            size = 10
        }
        if let mask {
            bytes.storeBytes(of: mask.bigEndian, toByteOffset: size, as: UInt32.self)
            size &+= 4
        }
        return size
    }

    /// Writes a whole frame with the readable bytes of `payload`.
    @inlinable
    public static func write(
        _ opcode: WebSocketOpcode,
        payload: ByteBuffer,
        fin: Bool = true,
        compressed: Bool = false,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        payload.withUnsafeReadableBytes { bytes in
            self.write(opcode, bytes: bytes, fin: fin, compressed: compressed, mask: mask, into: &buffer)
        }
    }

    /// Writes a whole frame with `bytes`.
    @inlinable
    public static func write(
        _ opcode: WebSocketOpcode,
        bytes: UnsafeRawBufferPointer,
        fin: Bool = true,
        compressed: Bool = false,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        let count = bytes.count
        // At once, so that a growing buffer grows once, and who owns it is asked once.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count &+ self.maximumHeaderBytes) { space in
            let size = self.storeHeader(
                opcode,
                fin: fin,
                compressed: compressed,
                payloadBytes: count,
                mask: mask,
                at: space
            )
            let payload = UnsafeMutableRawBufferPointer(rebasing: space[size..<(size &+ count)])
            payload.copyMemory(from: bytes)
            if let mask { WebSocketMask.apply(mask, to: payload) }
            return size &+ count
        }
    }

    /// Writes a whole message as one frame with the readable bytes of `payload`.
    @_disfavoredOverload  // lets `.text` and `.binary` mean the opcode where both would fit
    @inlinable
    public static func write(
        _ kind: WebSocketMessageKind,
        payload: ByteBuffer,
        compressed: Bool = false,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        self.write(kind.opcode, payload: payload, compressed: compressed, mask: mask, into: &buffer)
    }

    /// Writes a whole frame with any bytes, for example `string.utf8`.
    @inlinable
    public static func write(
        _ opcode: WebSocketOpcode,
        bytes: some Collection<UInt8>,
        fin: Bool = true,
        compressed: Bool = false,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        let isContiguous: Void? = bytes.withContiguousStorageIfAvailable { contiguous in
            let bytes = UnsafeRawBufferPointer(contiguous)
            self.write(opcode, bytes: bytes, fin: fin, compressed: compressed, mask: mask, into: &buffer)
        }
        if isContiguous == nil {
            self.write(
                opcode,
                payload: ByteBuffer(bytes: bytes),
                fin: fin,
                compressed: compressed,
                mask: mask,
                into: &buffer
            )
        }
    }

    /// Writes a whole frame with the bytes of a literal.
    @inlinable
    public static func write(
        _ opcode: WebSocketOpcode,
        bytes: StaticString,
        mask: UInt32? = nil,
        into buffer: inout ByteBuffer
    ) {
        bytes.withUTF8Buffer { utf8 in
            self.write(opcode, bytes: UnsafeRawBufferPointer(utf8), mask: mask, into: &buffer)
        }
    }

    /// Masks the last `count` readable bytes of `buffer` in place: a payload that was written after its header.
    @inlinable
    public static func maskLast(_ count: Int, with mask: UInt32, in buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            WebSocketMask.apply(mask, to: UnsafeMutableRawBufferPointer(rebasing: bytes.suffix(count)))
        }
    }
}
