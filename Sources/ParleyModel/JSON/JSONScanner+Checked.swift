public import NIOCore

extension JSONScanner {
    /// Calls `body` for each of the values in `buffer`, which stand one behind the other with commas between them, as in an array
    /// without its brackets. They have been checked before, so that only their ends are looked for.
    public static func forEachElement(ofChecked buffer: ByteBuffer, _ body: (JSONValue) -> Void) {
        buffer.withUnsafeReadableBytes { bytes in
            var position = 0
            while position < bytes.count {
                guard !Self.separates(bytes[position]) else {
                    position += 1
                    continue
                }
                let end = Self.end(ofCheckedValueAt: position, in: bytes)
                body(JSONValue(kind: Self.kind(of: bytes[position]), range: position..<end))
                position = end
            }
        }
    }

    private static func separates(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private static func kind(of byte: UInt8) -> JSONValue.Kind {
        switch byte {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: return .number
        }
    }

    private static func end(ofCheckedValueAt start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var position = start
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position = Self.end(ofCheckedStringAt: position, in: bytes)
                if depth == 0 { return position }
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { return position + 1 }
            case let byte where depth == 0 && Self.separates(byte):
                return position
            default:
                break
            }
            position += 1
        }
        return bytes.count
    }

    private static func end(ofCheckedStringAt start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        var position = start + 1
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""): return position + 1
            case UInt8(ascii: "\\"): position += 2
            default: position += 1
            }
        }
        return bytes.count
    }
}
