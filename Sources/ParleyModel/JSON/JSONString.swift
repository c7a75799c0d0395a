public import NIOCore
internal import ParleyText

/// JSON strings: between their escaped form on the wire and Swift's `String`.
public enum JSONString {
    /// The text of a JSON string value found by ``JSONScanner`` in `buffer`.
    ///
    /// A surrogate escape without its other half becomes U+FFFD, as it has no meaning in Unicode.
    public static func decode(_ value: JSONValue, in buffer: ByteBuffer) -> String? {
        guard value.kind == .string else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            Self.decode(
                UnsafeRawBufferPointer(rebasing: bytes[value.range.lowerBound + 1..<value.range.upperBound - 1])
            )
        }
    }

    /// The same for what names something: `nil` where there is half of a surrogate pair, too.
    ///
    /// It has no meaning in Unicode, and with U+FFFD in its place two names would be one.
    public static func decodeName(_ value: JSONValue, in buffer: ByteBuffer) -> String? {
        guard value.kind == .string else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            let contents = UnsafeRawBufferPointer(
                rebasing: bytes[value.range.lowerBound + 1..<value.range.upperBound - 1]
            )
            return Self.hasLoneSurrogate(contents) ? nil : Self.decode(contents)
        }
    }

    /// Whether a `\u` escape is half of a surrogate pair without the other half right behind it (RFC 8259 §8.2).
    static func hasLoneSurrogate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var awaitsLow = false
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                if awaitsLow { return true }
                index += 1
                continue
            }
            let isUnit = bytes[index + 1] == UInt8(ascii: "u")
            let unit = isUnit ? Self.unit(at: index + 2, in: bytes) : 0
            guard awaitsLow == (0xDC00...0xDFFF).contains(unit) else { return true }
            awaitsLow = (0xD800...0xDBFF).contains(unit)
            index += isUnit ? 6 : 2
        }
        return awaitsLow
    }

    /// Text that may be a part of one: halves of surrogate pairs at its ends may be whole with what stands before and behind.
    public struct Part: Equatable, Sendable {
        /// The second half of a pair that it begins with.
        public var low: UInt16?
        public var text: String
        /// The first half of a pair that it ends with.
        public var high: UInt16?

        public init(low: UInt16? = nil, text: String, high: UInt16? = nil) {
            self.low = low
            self.text = text
            self.high = high
        }
    }

    /// As ``decode(_:in:)``, but for halves of surrogate pairs at the very beginning and end, which are not lost.
    public static func decodePart(_ value: JSONValue, in buffer: ByteBuffer) -> Part? {
        guard value.kind == .string else { return nil }
        return buffer.withUnsafeReadableBytes { bytes in
            var contents = bytes[value.range.lowerBound + 1..<value.range.upperBound - 1]
            let (low, high) = Self.halves(UnsafeRawBufferPointer(rebasing: contents))
            if low != nil { contents = contents.dropFirst(6) }
            if high != nil { contents = contents.dropLast(6) }
            return Part(low: low, text: Self.decode(UnsafeRawBufferPointer(rebasing: contents)), high: high)
        }
    }

    private static func halves(_ bytes: UnsafeRawBufferPointer) -> (low: UInt16?, high: UInt16?) {
        var (low, high): (UInt16?, UInt16?) = (nil, nil)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                high = nil
                index += 1
                continue
            }
            let isUnit = bytes[index + 1] == UInt8(ascii: "u")
            let unit = isUnit ? Self.unit(at: index + 2, in: bytes) : 0
            if index == 0, (0xDC00...0xDFFF).contains(unit) { low = unit }
            high = (0xD800...0xDBFF).contains(unit) ? unit : nil
            index += isUnit ? 6 : 2
        }
        return (low, high)
    }

    private static func unit(at index: Int, in bytes: UnsafeRawBufferPointer) -> UInt16 {
        (index..<index + 4).reduce(0) { $0 << 4 | UInt16(Hexadecimal.value(of: bytes[$1]) ?? 0) }
    }

    /// Decodes what stands between the quotes; the scanner has checked it.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> String {
        guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
        var units: [UInt16] = []
        var text = ""
        var plainStart = 0
        var index = 0
        func flushUnits() {
            if !units.isEmpty {
                text += String(decoding: units, as: UTF16.self)
                units.removeAll(keepingCapacity: true)
            }
        }
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            if plainStart < index {
                flushUnits()
                text += String(decoding: bytes[plainStart..<index], as: UTF8.self)
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "u"):
                units.append(Self.unit(at: index + 2, in: bytes))
                index += 6
            case let byte:
                units.append(UInt16(Self.unescaped(byte)))
                index += 2
            }
            plainStart = index
        }
        flushUnits()
        if plainStart < index { text += String(decoding: bytes[plainStart..<index], as: UTF8.self) }
        return text
    }

    private static func unescaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        default: return byte
        }
    }
}

extension ByteBuffer {
    /// Appends `text` as a JSON string with its quotes.
    public mutating func writeJSONString(_ text: String) {
        var text = text
        text.withUTF8 { self.writeJSONString(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// Appends the readable bytes of `text`, which must be UTF-8, as a JSON string with its quotes.
    public mutating func writeJSONString(utf8 text: ByteBuffer) {
        text.withUnsafeReadableBytes { self.writeJSONString(utf8: $0) }
    }

    mutating func writeJSONString(utf8 bytes: UnsafeRawBufferPointer) {
        self.writeInteger(UInt8(ascii: "\""))
        var start = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            self.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
            self.writeJSONEscape(of: byte)
            index += 1
            start = index
        }
        self.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[start..<bytes.count]))
        self.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func writeJSONEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): self.writeStaticString("\\\\")
        case 0x08: self.writeStaticString("\\b")
        case 0x09: self.writeStaticString("\\t")
        case 0x0A: self.writeStaticString("\\n")
        case 0x0C: self.writeStaticString("\\f")
        case 0x0D: self.writeStaticString("\\r")
        default:
            self.writeStaticString("\\u00")
            self.writeInteger(Hexadecimal.digit(byte >> 4))
            self.writeInteger(Hexadecimal.digit(byte))
        }
    }
}

extension ByteBuffer {
    /// The bytes of a scanned value, sharing this buffer's storage.
    public func slice(of value: JSONValue) -> ByteBuffer {
        // The scanner's ranges lie within the readable bytes that it was given.
        self.getSlice(at: self.readerIndex + value.range.lowerBound, length: value.range.count) ?? ByteBuffer()
    }
}
