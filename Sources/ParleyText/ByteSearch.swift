#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Looks at many bytes at a time.
extension UnsafeRawBufferPointer {
    /// - Parameter start: Where to begin; at most the number of bytes.
    /// - Returns: Where the byte stands first from there on; `nil`: nowhere.
    package func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
        guard let base = self.baseAddress, start < self.count,
            let found = memchr(base + start, Int32(byte), self.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    /// Whether no byte is above 0x7F.
    package var isASCII: Bool {
        var all: UInt64 = 0
        let wordCount = self.count / 8
        for word in 0..<wordCount { all |= self.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self) }
        for offset in wordCount * 8..<self.count { all |= UInt64(self[offset]) }
        return all & 0x8080_8080_8080_8080 == 0
    }
}

extension String {
    /// Whether a byte is part of its UTF-8.
    package func containsByte(_ byte: UInt8) -> Bool {
        self.utf8.withContiguousStorageIfAvailable { UnsafeRawBufferPointer($0).firstOffset(of: byte) != nil }
            ?? self.utf8.contains(byte)
    }
}

extension Substring {
    /// - Returns: Where a byte, or one of two, stands first; the end: nowhere.
    package func firstIndex(ofByte one: UInt8, or other: UInt8? = nil) -> Index {
        let other = other ?? one
        let offset = self.utf8.withContiguousStorageIfAvailable { bytes -> Int in
            bytes.firstIndex { $0 == one || $0 == other } ?? bytes.count
        }
        if let offset { return self.utf8.index(self.startIndex, offsetBy: offset) }
        return self.utf8.firstIndex { $0 == one || $0 == other } ?? self.endIndex
    }
}
