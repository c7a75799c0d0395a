internal import NIOCore

/// Base64 for URLs, without padding (RFC 4648 §5, RFC 7515 §2).
enum Base64URL {
    /// - Throws: ``TokenFailure/malformed`` for anything that an encoder would not have written.
    static func decode(_ text: some Collection<UInt8>) throws(TokenFailure) -> ByteBuffer {
        var bytes = ByteBuffer()
        var bits: UInt32 = 0
        var count = 0
        for byte in text {
            guard let value = Self.value(of: byte) else { throw .malformed }
            bits = (bits << 6 | value) & 0xFFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.writeInteger(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // What is left of the last character is less than one, and zero.
        guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { throw .malformed }
        return bytes
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
