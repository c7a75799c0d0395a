public import NIOCore

extension MessagePack {
    /// Takes one value from `buffer`; what is behind it stays there.
    ///
    /// There is no ``SocketValue/json(_:)`` in the result, and its bytes are slices of `buffer`. Unsigned integers beyond `Int64`
    /// are doubles. Of extensions, a timestamp is ISO 8601 text (null outside of the years 0 to 9999), `undefined` of notepack.io
    /// is null, its older form of dates text as well, and any other is its bytes.
    /// - Throws: ``MessagePackFailure``; `buffer` has then been read to no particular place.
    public static func read(
        _ buffer: inout ByteBuffer,
        limits: Limits = Limits()
    ) throws(MessagePackFailure) -> SocketValue {
        var reader = MessagePackReader(buffer, maximumDepth: limits.maximumDepth)
        let value = try reader.value(depth: 1)
        buffer = reader.rest
        return value
    }
}

private struct MessagePackReader {
    private(set) var rest: ByteBuffer
    private let start: Int
    private let maximumDepth: Int

    init(_ buffer: ByteBuffer, maximumDepth: Int) {
        self.rest = buffer
        self.start = buffer.readerIndex
        self.maximumDepth = maximumDepth
    }

    mutating func value(depth: Int) throws(MessagePackFailure) -> SocketValue {
        let format = try self.integer(UInt8.self)
        switch format {
        case ..<MessagePackFormat.fixmap: return .int(Int64(format))
        case ..<MessagePackFormat.fixarray: return try self.map(Int(format & 15), depth)
        case ..<MessagePackFormat.fixstr: return try self.array(Int(format & 15), depth)
        case ..<MessagePackFormat.null: return .string(try self.string(Int(format & 31)))
        case MessagePackFormat.null: return .null
        case MessagePackFormat.no: return .bool(false)
        case MessagePackFormat.yes: return .bool(true)
        case MessagePackFormat.bin8: return .binary(try self.bytes(Int(self.integer(UInt8.self))))
        case MessagePackFormat.bin16: return .binary(try self.bytes(Int(self.integer(UInt16.self))))
        case MessagePackFormat.bin32: return .binary(try self.bytes(Int(self.integer(UInt32.self))))
        case MessagePackFormat.ext8: return try self.extended(Int(self.integer(UInt8.self)))
        case MessagePackFormat.ext16: return try self.extended(Int(self.integer(UInt16.self)))
        case MessagePackFormat.ext32: return try self.extended(Int(self.integer(UInt32.self)))
        case MessagePackFormat.fixext1...MessagePackFormat.fixext16:
            return try self.extended(1 << Int(format - MessagePackFormat.fixext1))
        case MessagePackFormat.str8: return .string(try self.string(Int(self.integer(UInt8.self))))
        case MessagePackFormat.str16: return .string(try self.string(Int(self.integer(UInt16.self))))
        case MessagePackFormat.str32: return .string(try self.string(Int(self.integer(UInt32.self))))
        case MessagePackFormat.array16: return try self.array(Int(self.integer(UInt16.self)), depth)
        case MessagePackFormat.array32: return try self.array(Int(self.integer(UInt32.self)), depth)
        case MessagePackFormat.map16: return try self.map(Int(self.integer(UInt16.self)), depth)
        case MessagePackFormat.map32: return try self.map(Int(self.integer(UInt32.self)), depth)
        case MessagePackFormat.reserved: throw self.failure(.reservedFormat)
        default: return try self.number(format)
        }
    }

    private mutating func number(_ format: UInt8) throws(MessagePackFailure) -> SocketValue {
        switch format {
        case MessagePackFormat.float32: return .double(Double(Float(bitPattern: try self.integer(UInt32.self))))
        case MessagePackFormat.float64: return .double(Double(bitPattern: try self.integer(UInt64.self)))
        case MessagePackFormat.uint8: return .int(Int64(try self.integer(UInt8.self)))
        case MessagePackFormat.uint16: return .int(Int64(try self.integer(UInt16.self)))
        case MessagePackFormat.uint32: return .int(Int64(try self.integer(UInt32.self)))
        case MessagePackFormat.uint64: return try self.integer(UInt64.self).socketValue
        case MessagePackFormat.int8: return .int(Int64(try self.integer(Int8.self)))
        case MessagePackFormat.int16: return .int(Int64(try self.integer(Int16.self)))
        case MessagePackFormat.int32: return .int(Int64(try self.integer(Int32.self)))
        case MessagePackFormat.int64: return .int(try self.integer(Int64.self))
        default: return .int(Int64(Int8(bitPattern: format)))  // negative fixint
        }
    }

    private mutating func array(_ count: Int, _ depth: Int) throws(MessagePackFailure) -> SocketValue {
        try self.enter(count, bytesEach: 1, depth)
        // Grows as elements come: memory for a count that was only claimed, at each level, is what attackers ask for.
        var elements: [SocketValue] = []
        for _ in 0..<count { elements.append(try self.value(depth: depth + 1)) }
        return .array(elements)
    }

    private mutating func map(_ count: Int, _ depth: Int) throws(MessagePackFailure) -> SocketValue {
        try self.enter(count, bytesEach: 2, depth)
        var object = SocketObject()
        for _ in 0..<count {
            let key = try self.key()
            object.append(key: key, value: try self.value(depth: depth + 1))
        }
        return .object(object)
    }

    private func enter(_ count: Int, bytesEach: Int, _ depth: Int) throws(MessagePackFailure) {
        guard depth <= self.maximumDepth else { throw self.failure(.tooDeep) }
        guard count <= self.rest.readableBytes / bytesEach else { throw self.failure(.truncated) }
    }

    private mutating func key() throws(MessagePackFailure) -> String {
        let format = try self.integer(UInt8.self)
        switch format {
        case MessagePackFormat.fixstr..<MessagePackFormat.null: return try self.string(Int(format & 31))
        case MessagePackFormat.str8: return try self.string(Int(self.integer(UInt8.self)))
        case MessagePackFormat.str16: return try self.string(Int(self.integer(UInt16.self)))
        case MessagePackFormat.str32: return try self.string(Int(self.integer(UInt32.self)))
        default: throw self.failure(.keyIsNoString)
        }
    }

    private mutating func string(_ length: Int) throws(MessagePackFailure) -> String {
        let bytes = try self.bytes(length)
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
            throw self.failure(.invalidText)
        }
        return text
    }

    private mutating func extended(_ length: Int) throws(MessagePackFailure) -> SocketValue {
        let type = try self.integer(Int8.self)
        return MessagePackExtension(type: type, bytes: try self.bytes(length)).value
    }

    private mutating func bytes(_ length: Int) throws(MessagePackFailure) -> ByteBuffer {
        guard let bytes = self.rest.readSlice(length: length) else { throw self.failure(.truncated) }
        return bytes
    }

    private mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws(MessagePackFailure) -> Number {
        guard let number = self.rest.readInteger(as: type) else { throw self.failure(.truncated) }
        return number
    }

    private func failure(_ reason: MessagePackFailure.Reason) -> MessagePackFailure {
        MessagePackFailure(reason: reason, position: self.rest.readerIndex - self.start)
    }
}
