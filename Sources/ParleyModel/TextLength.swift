public import NIOCore
internal import ParleyText

/// Lengths of UTF-8 text as browsers count them.
public enum TextLength {
    /// The number of UTF-16 code units in the readable bytes of `text`, which must be valid UTF-8.
    public static func utf16(of text: ByteBuffer) -> Int {
        text.withUnsafeReadableBytes { UTF16Length.count($0) }
    }

    /// Whether the readable bytes of `text` are valid UTF-8.
    public static func isUTF8(_ text: ByteBuffer) -> Bool {
        text.withUnsafeReadableBytes { bytes in
            String(validating: bytes, as: UTF8.self) != nil
        }
    }
}
