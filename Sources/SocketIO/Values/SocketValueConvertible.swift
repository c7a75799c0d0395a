public import NIOCore
public import ParleyModel

/// What can be an argument of an event.
///
/// An array of bytes is an array of numbers; bytes are sent as bytes from a `ByteBuffer`.
public protocol SocketValueConvertible: Sendable {
    var socketValue: SocketValue { get }
}

extension SocketValue: SocketValueConvertible {
    public var socketValue: SocketValue { self }
}

extension SocketObject: SocketValueConvertible {
    public var socketValue: SocketValue { .object(self) }
}

extension Bool: SocketValueConvertible {
    public var socketValue: SocketValue { .bool(self) }
}

extension SocketValueConvertible where Self: BinaryInteger {
    /// A double if it is beyond the range of `Int64`.
    public var socketValue: SocketValue { Int64(exactly: self).map { .int($0) } ?? .double(Double(self)) }
}

extension Int: SocketValueConvertible {}
extension Int8: SocketValueConvertible {}
extension Int16: SocketValueConvertible {}
extension Int32: SocketValueConvertible {}
extension Int64: SocketValueConvertible {}
extension UInt: SocketValueConvertible {}
extension UInt8: SocketValueConvertible {}
extension UInt16: SocketValueConvertible {}
extension UInt32: SocketValueConvertible {}
extension UInt64: SocketValueConvertible {}

extension Double: SocketValueConvertible {
    public var socketValue: SocketValue { .double(self) }
}

extension Float: SocketValueConvertible {
    public var socketValue: SocketValue { .double(Double(self)) }
}

extension String: SocketValueConvertible {
    public var socketValue: SocketValue { .string(self) }
}

extension Substring: SocketValueConvertible {
    public var socketValue: SocketValue { .string(String(self)) }
}

extension ByteBuffer: SocketValueConvertible {
    /// Its readable bytes, as binary.
    public var socketValue: SocketValue { .binary(self) }
}

extension Optional: SocketValueConvertible where Wrapped: SocketValueConvertible {
    public var socketValue: SocketValue { self?.socketValue ?? .null }
}

extension Array: SocketValueConvertible where Element: SocketValueConvertible {
    public var socketValue: SocketValue { .array(self.map(\.socketValue)) }
}

extension Dictionary: SocketValueConvertible where Key == String, Value: SocketValueConvertible {
    /// An object with its keys sorted, so that equal dictionaries are sent as the same bytes.
    public var socketValue: SocketValue {
        .object(SocketObject(self.sorted { $0.key < $1.key }.lazy.map { (key: $0.key, value: $0.value.socketValue) }))
    }
}

extension WallTime: SocketValueConvertible {
    /// The ISO 8601 text that JavaScript's `Date` becomes in JSON; null outside of the years 0 to 9999.
    public var socketValue: SocketValue {
        Self.fourDigitYears.contains(self.milliseconds) ? .string(self.iso8601) : .null
    }

    /// From 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z, in milliseconds.
    private static let fourDigitYears: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999
}
