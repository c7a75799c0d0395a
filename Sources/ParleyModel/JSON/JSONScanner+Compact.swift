public import NIOCore

extension JSONScanner {
    /// The same JSON without insignificant white space (RFC 8259 §2), which hardly anybody sends.
    /// - Parameter json: Checked before.
    /// - Returns: `json` itself where there is none.
    public static func compacted(_ json: ByteBuffer) -> ByteBuffer {
        let hasSpace = json.withUnsafeReadableBytes { bytes in
            Self.forEachSignificantRun(in: bytes) { _ in false }
        }
        guard hasSpace else { return json }
        var compact = ByteBufferAllocator().buffer(capacity: json.readableBytes)
        json.withUnsafeReadableBytes { bytes in
            _ = Self.forEachSignificantRun(in: bytes) { run in
                compact.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[run]))
                return true
            }
        }
        return compact
    }

    /// Calls `body` with the runs between white space that means nothing, as long as it returns true.
    /// - Returns: Whether there was such white space.
    private static func forEachSignificantRun(
        in bytes: UnsafeRawBufferPointer,
        _ body: (Range<Int>) -> Bool
    ) -> Bool {
        var start = 0
        var index = 0
        var isInString = false
        var hasSpace = false
        while index < bytes.count {
            let byte = bytes[index]
            if isInString {
                if byte == UInt8(ascii: "\\") { index += 1 }
                if byte == UInt8(ascii: "\"") { isInString = false }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
                hasSpace = true
                guard body(start..<index) else { return true }
                start = index + 1
            }
            index += 1
        }
        _ = body(start..<bytes.count)
        return hasSpace
    }
}
