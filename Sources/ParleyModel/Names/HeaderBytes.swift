public import NIOCore
internal import ParleyText

/// Bytes of header fields that are no text: RFC 9110 §5.5 lets any byte above 0x7F be in a value, and a parser that makes
/// text of values loses those that are no UTF-8.
///
/// A byte that cannot be text becomes a character of the private use area, and is that byte again when it is written:
/// U+F780 to U+F7FF stand for 0x80 to 0xFF. Whoever sends one of these characters, or U+FFFD, which tells of a loss, has
/// its bytes treated in the same way, so that nothing is taken for what it was not.
public enum HeaderBytes {
    private static let base: UInt32 = 0xF700

    /// - Returns: The same bytes as UTF-8; `nil`: they are that already, and nothing in them is escaped.
    public static func escape(_ bytes: ByteBuffer) -> ByteBuffer? {
        let view = bytes.readableBytesView
        guard let first = view.firstIndex(where: { $0 >= 0x80 }) else { return nil }
        var result = ByteBufferAllocator().buffer(capacity: bytes.readableBytes + 64)
        result.writeBytes(view[..<first])
        var isChanged = false
        var index = first
        while index < view.endIndex {
            let length = Self.characterLength(view[index...])
            if length == 0 || length == 3 && Self.isReserved(view[index..<index + 3]) {
                for byte in view[index..<index + max(1, length)] { Self.write(byte, to: &result) }
                isChanged = true
            } else {
                result.writeBytes(view[index..<index + length])
            }
            index += max(1, length)
        }
        return isChanged ? result : nil
    }

    /// As ``escape(_:)``, for text of our own.
    package static func escaped(_ text: String) -> String {
        guard text.containsByte(0xEF) else { return text }
        return Self.escape(ByteBuffer(string: text)).map { String(buffer: $0) } ?? text
    }

    /// Whether a parser has lost bytes of a value.
    public static func isLossy(_ value: String) -> Bool {
        value.containsByte(0xEF) && value.unicodeScalars.contains("\u{FFFD}")
    }

    /// Writes a value as its bytes came.
    public static func write(_ value: String, to bytes: inout ByteBuffer) {
        // Characters of the private use area begin with it.
        guard value.containsByte(0xEF) else {
            bytes.writeString(value)
            return
        }
        for scalar in value.unicodeScalars {
            if (Self.base + 0x80...Self.base + 0xFF).contains(scalar.value) {
                bytes.writeInteger(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes.writeBytes(UTF8.encode(scalar)!)
            }
        }
    }

    /// Writes a line of a head.
    public static func writeLine(_ name: String, _ value: String, to bytes: inout ByteBuffer) {
        guard !value.containsByte(0xEF) else {
            bytes.writeString(name)
            bytes.writeStaticString(": ")
            Self.write(value, to: &bytes)
            bytes.writeStaticString("\r\n")
            return
        }
        let (nameLength, length) = (name.utf8.count, name.utf8.count + value.utf8.count + 4)
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
            guard let start = space.baseAddress else { return 0 }
            Self.copy(name, to: start)
            start.storeBytes(of: UInt16(bigEndian: 0x3A20), toByteOffset: nameLength, as: UInt16.self)
            Self.copy(value, to: start + (nameLength + 2))
            start.storeBytes(of: UInt16(bigEndian: 0x0D0A), toByteOffset: length - 2, as: UInt16.self)
            return length
        }
    }

    private static func copy(_ text: String, to place: UnsafeMutableRawPointer) {
        let isCopied: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            if let start = bytes.baseAddress { place.copyMemory(from: start, byteCount: bytes.count) }
        }
        guard isCopied == nil else { return }
        for (offset, byte) in text.utf8.enumerated() {
            place.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
    }

    private static func write(_ byte: UInt8, to bytes: inout ByteBuffer) {
        guard byte >= 0x80, let scalar = Unicode.Scalar(Self.base + UInt32(byte)) else {
            bytes.writeInteger(byte)
            return
        }
        bytes.writeBytes(UTF8.encode(scalar)!)
    }

    /// U+F780 to U+F7FF, and U+FFFD.
    private static func isReserved(_ character: ByteBufferView) -> Bool {
        let start = character.startIndex
        guard character[start] == 0xEF else { return false }
        let (second, third) = (character[start + 1], character[start + 2])
        return second == 0x9E || second == 0x9F || (second == 0xBF && third == 0xBD)
    }

    /// How long the character is that the bytes begin with (Unicode, table 3-7); 0: they are none.
    private static func characterLength(_ bytes: ByteBufferView) -> Int {
        let start = bytes.startIndex
        let first = bytes[start]
        let (length, seconds): (Int, ClosedRange<UInt8>)
        switch first {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, seconds) = (2, 0x80...0xBF)
        case 0xE0: (length, seconds) = (3, 0xA0...0xBF)
        case 0xED: (length, seconds) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, seconds) = (3, 0x80...0xBF)
        case 0xF0: (length, seconds) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, seconds) = (4, 0x80...0xBF)
        case 0xF4: (length, seconds) = (4, 0x80...0x8F)
        default: return 0
        }
        guard bytes.count >= length, seconds.contains(bytes[start + 1]) else { return 0 }
        for offset in 2..<max(2, length) where !(0x80...0xBF).contains(bytes[start + offset]) { return 0 }
        return length
    }
}
