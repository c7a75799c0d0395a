public import NIOCore

/// Lengths of UTF-8 text as browsers count them.
public enum TextLength {
    /// The number of UTF-16 code units in the readable bytes of `text`, which must be valid UTF-8.
    public static func utf16(of text: ByteBuffer) -> Int {
        text.withUnsafeReadableBytes { bytes in
            var units = 0
            for byte in bytes {
                // Every character starts with one byte that is no continuation; those of four bytes are surrogate pairs.
                units &+= (byte & 0xC0 != 0x80 ? 1 : 0) &+ (byte >= 0xF0 ? 1 : 0)
            }
            return units
        }
    }

    /// Whether the readable bytes of `text` are valid UTF-8.
    public static func isUTF8(_ text: ByteBuffer) -> Bool {
        text.withUnsafeReadableBytes { bytes in
            String(validating: bytes, as: UTF8.self) != nil
        }
    }
}
