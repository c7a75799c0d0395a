import NIOCore
import ParleyModel
import Testing

@testable import SocketIO

@Suite struct SocketValueConvertibleTests {
    static let samples: [(any SocketValueConvertible, SocketValue)] = [
        (SocketValue.string("a"), "a"), ("a", "a"), ("abc".dropFirst(), "bc"), (true, true), (Int(-1), -1),
        (Int8.min, -128),
        (Int16.max, 32767), (Int32.min, -2_147_483_648), (Int64.max, .int(.max)), (UInt8.max, 255), (UInt16.max, 65535),
        (UInt32.max, 4_294_967_295), (UInt(1), 1), (UInt64.max, .double(18_446_744_073_709_551_616)), (1.5, 1.5),
        (Float(0.25), 0.25), (Optional<Int>.none, nil), (Optional(1), 1), ([1, 2], [1, 2]),
        ([["a": [true]]], [["a": [true]]]),
        ([Int?.none, 1], [nil, 1]), (["b": 1, "a": 2], ["a": 2, "b": 1]), (SocketObject(), [:]),
        (ByteBuffer(string: "x"), .binary(ByteBuffer(string: "x"))), ([UInt8(1)], [1]),
        (WallTime(milliseconds: 0), "1970-01-01T00:00:00.000Z"), (WallTime(milliseconds: .max), nil),
        (WallTime(milliseconds: 253_402_300_799_999), "9999-12-31T23:59:59.999Z"),
        (WallTime(milliseconds: -62_167_219_200_000), "0000-01-01T00:00:00.000Z"),
        (WallTime(milliseconds: -62_167_219_200_001), nil), (WallTime(milliseconds: .min), nil),
    ]

    @Test("Swift values become values on the wire", arguments: samples.indices)
    func converts(index: Int) {
        let (value, expected) = Self.samples[index]
        #expect(value.socketValue == expected)
    }

    @Test("The keys of a dictionary are sorted, so that it is always written as the same bytes")
    func sortedKeys() {
        #expect(["b": 1, "c": 2, "a": 3].socketValue.description == #"{"a":3,"b":1,"c":2}"#)
    }
}
