public import NIOCore
import ParleyModel

/// Reading: each is `nil` when the value is of another kind. All look through ``json(_:)``.
extension SocketValue {
    /// The same value, parsed if it is ``json(_:)``; what is nested in it may still be.
    public var parsed: SocketValue {
        guard case .json(let bytes) = self else { return self }
        return (try? SocketValue(json: bytes)) ?? .null
    }

    public var isNull: Bool {
        if case .null = self.parsed { return true }
        return false
    }

    public var bool: Bool? {
        guard case .bool(let value) = self.parsed else { return nil }
        return value
    }

    /// A number without a fraction, however it was written: `5.0` is one, `0.5` and 2⁶³ are not.
    public var int: Int? {
        switch self.parsed {
        case .int(let value): Int(exactly: value)
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// Any number. Integers beyond 2⁵³ are rounded.
    public var double: Double? {
        switch self.parsed {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    public var string: String? {
        guard case .string(let value) = self.parsed else { return nil }
        return value
    }

    public var array: [SocketValue]? {
        guard case .array(let value) = self.parsed else { return nil }
        return value
    }

    public var object: SocketObject? {
        guard case .object(let value) = self.parsed else { return nil }
        return value
    }

    public var binary: ByteBuffer? {
        guard case .binary(let value) = self else { return nil }
        return value
    }

    /// The member of an object, or `nil` if this is none or has no such member. Of ``json(_:)`` only the member is parsed.
    public subscript(key: String) -> SocketValue? {
        guard case .json(let bytes) = self else { return self.object?[key] }
        var member: JSONValue?
        try? JSONScanner.scanObject(bytes) { found, value in
            if found.string.hasSameBytes(as: key) { member = value }
        }
        return member.flatMap { try? SocketValue(json: bytes.slice(of: $0)) }
    }

    /// The element of an array, or `nil` if this is none or too short. Of ``json(_:)`` only the element is parsed.
    public subscript(index: Int) -> SocketValue? {
        guard case .json(let bytes) = self else {
            guard let array = self.array, array.indices.contains(index) else { return nil }
            return array[index]
        }
        var element: JSONValue?
        var count = 0
        let scanned: Void? = try? JSONScanner.scanArray(bytes) { value in
            if count == index { element = value }
            count += 1
        }
        guard scanned != nil else { return nil }
        return element.flatMap { try? SocketValue(json: bytes.slice(of: $0)) }
    }
}
