public import NIOCore

extension MessagePack {
    /// Appends `value`: integers in the fewest bytes, other numbers as float64, bytes as bin.
    ///
    /// ``SocketValue/json(_:)`` is parsed first. A repeated key of an object is written each time; by the usual rule the last
    /// one counts.
    public static func write(_ value: SocketValue, into buffer: inout ByteBuffer) {
        switch value {
        case .null: buffer.writeInteger(MessagePackFormat.null)
        case .bool(let value): buffer.writeInteger(value ? MessagePackFormat.yes : MessagePackFormat.no)
        case .int(let value): buffer.writeMessagePack(value)
        case .double(let value):
            buffer.writeInteger(MessagePackFormat.float64)
            buffer.writeInteger(value.bitPattern)
        case .string(let text): buffer.writeMessagePack(text)
        case .binary(let bytes):
            buffer.writeMessagePackLength(
                bytes.readableBytes,
                formats: (MessagePackFormat.bin8, MessagePackFormat.bin16, MessagePackFormat.bin32)
            )
            buffer.writeImmutableBuffer(bytes)
        case .array(let elements):
            Self.writeArrayHeader(elements.count, into: &buffer)
            for element in elements { Self.write(element, into: &buffer) }
        case .object(let object):
            Self.writeMapHeader(object.count, into: &buffer)
            for (key, value) in object {
                buffer.writeMessagePack(key)
                Self.write(value, into: &buffer)
            }
        case .json: Self.write(value.parsed, into: &buffer)
        }
    }

    /// Appends what stands before the elements of an array.
    static func writeArrayHeader(_ count: Int, into buffer: inout ByteBuffer) {
        buffer.writeMessagePackLength(
            count,
            fixed: (MessagePackFormat.fixarray, 15),
            formats: (nil, MessagePackFormat.array16, MessagePackFormat.array32)
        )
    }

    /// Appends what stands before the keys and values of a map.
    static func writeMapHeader(_ count: Int, into buffer: inout ByteBuffer) {
        buffer.writeMessagePackLength(
            count,
            fixed: (MessagePackFormat.fixmap, 15),
            formats: (nil, MessagePackFormat.map16, MessagePackFormat.map32)
        )
    }
}

extension ByteBuffer {
    fileprivate mutating func writeMessagePack(_ value: Int64) {
        switch value {
        case -32...127: self.writeInteger(Int8(truncatingIfNeeded: value))
        case 0...0xff: self.writeMultipleIntegers(MessagePackFormat.uint8, UInt8(truncatingIfNeeded: value))
        case 0...0xffff: self.writeMultipleIntegers(MessagePackFormat.uint16, UInt16(truncatingIfNeeded: value))
        case 0...0xffff_ffff: self.writeMultipleIntegers(MessagePackFormat.uint32, UInt32(truncatingIfNeeded: value))
        case 0...: self.writeMultipleIntegers(MessagePackFormat.uint64, UInt64(truncatingIfNeeded: value))
        case Int64(Int8.min)...: self.writeMultipleIntegers(MessagePackFormat.int8, Int8(truncatingIfNeeded: value))
        case Int64(Int16.min)...: self.writeMultipleIntegers(MessagePackFormat.int16, Int16(truncatingIfNeeded: value))
        case Int64(Int32.min)...: self.writeMultipleIntegers(MessagePackFormat.int32, Int32(truncatingIfNeeded: value))
        default: self.writeMultipleIntegers(MessagePackFormat.int64, value)
        }
    }

    fileprivate mutating func writeMessagePack(_ text: String) {
        self.writeMessagePackLength(
            text.utf8.count,
            fixed: (MessagePackFormat.fixstr, 31),
            formats: (MessagePackFormat.str8, MessagePackFormat.str16, MessagePackFormat.str32)
        )
        self.writeString(text)
    }

    /// Writes the first byte of a value and its length, in the shortest of the forms that there are for it.
    /// - Parameters:
    ///   - fixed: The format that has the length in itself, and the longest that fits there.
    ///   - formats: Those with the length in one, two and four bytes behind them.
    fileprivate mutating func writeMessagePackLength(
        _ length: Int,
        fixed: (format: UInt8, maximum: Int)? = nil,
        formats: (one: UInt8?, two: UInt8, four: UInt8)
    ) {
        if let fixed, length <= fixed.maximum {
            self.writeInteger(fixed.format | UInt8(length))
        } else if let one = formats.one, let length = UInt8(exactly: length) {
            self.writeMultipleIntegers(one, length)
        } else if let length = UInt16(exactly: length) {
            self.writeMultipleIntegers(formats.two, length)
        } else {
            // A buffer holds less than 2^32 bytes, so nothing longer can stand in one.
            self.writeMultipleIntegers(formats.four, UInt32(length))
        }
    }
}
