import NIOCore
import Testing

@testable import SocketIO

@Suite struct MessagePackTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let value: SocketValue
        let bytes: [UInt8]

        init(_ value: SocketValue, _ bytes: [UInt8]) {
            self.value = value
            self.bytes = bytes
        }

        var testDescription: String { "\(self.bytes.prefix(8)) (\(self.bytes.count) bytes)" }
    }

    static func text(_ count: Int) -> String { String(repeating: "a", count: count) }
    static func ascii(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x61, count: count) }
    static func bytes(_ count: Int) -> SocketValue { .binary(ByteBuffer(repeating: 7, count: count)) }
    static func sevens(_ count: Int) -> [UInt8] { [UInt8](repeating: 7, count: count) }
    static func nulls(_ count: Int) -> SocketValue { .array(Array(repeating: nil, count: count)) }

    /// Both ways, on each side of every border between formats.
    static let canonical: [Sample] = [
        Sample(nil, [0xc0]), Sample(false, [0xc2]), Sample(true, [0xc3]),
        Sample(0, [0]), Sample(127, [0x7f]), Sample(128, [0xcc, 0x80]), Sample(255, [0xcc, 0xff]),
        Sample(256, [0xcd, 1, 0]), Sample(65535, [0xcd, 0xff, 0xff]), Sample(65536, [0xce, 0, 1, 0, 0]),
        Sample(4_294_967_295, [0xce, 0xff, 0xff, 0xff, 0xff]), Sample(4_294_967_296, [0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        Sample(.int(.max), [0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Sample(-1, [0xff]), Sample(-32, [0xe0]), Sample(-33, [0xd0, 0xdf]), Sample(-128, [0xd0, 0x80]),
        Sample(-129, [0xd1, 0xff, 0x7f]), Sample(-32768, [0xd1, 0x80, 0]),
        Sample(-32769, [0xd2, 0xff, 0xff, 0x7f, 0xff]),
        Sample(-2_147_483_648, [0xd2, 0x80, 0, 0, 0]),
        Sample(-2_147_483_649, [0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
        Sample(.int(.min), [0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        Sample(1.5, [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        Sample(.double(-.infinity), [0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0]),
        Sample("", [0xa0]), Sample("é", [0xa2, 0xc3, 0xa9]), Sample(.string(text(31)), [0xbf] + ascii(31)),
        Sample(.string(text(32)), [0xd9, 32] + ascii(32)), Sample(.string(text(255)), [0xd9, 255] + ascii(255)),
        Sample(.string(text(256)), [0xda, 1, 0] + ascii(256)),
        Sample(.string(text(65535)), [0xda, 255, 255] + ascii(65535)),
        Sample(.string(text(65536)), [0xdb, 0, 1, 0, 0] + ascii(65536)),
        Sample(bytes(0), [0xc4, 0]), Sample(bytes(255), [0xc4, 255] + sevens(255)),
        Sample(bytes(256), [0xc5, 1, 0] + sevens(256)), Sample(bytes(65536), [0xc6, 0, 1, 0, 0] + sevens(65536)),
        Sample([], [0x90]), Sample([1, "a"], [0x92, 1, 0xa1, 0x61]),
        Sample(nulls(15), [0x9f] + Array(repeating: 0xc0, count: 15)),
        Sample(nulls(16), [0xdc, 0, 16] + Array(repeating: 0xc0, count: 16)),
        Sample(nulls(65536), [0xdd, 0, 1, 0, 0] + Array(repeating: 0xc0, count: 65536)),
        Sample([:], [0x80]), Sample(["b": 1, "a": [:]], [0x82, 0xa1, 0x62, 1, 0xa1, 0x61, 0x80]),
        Sample(
            .object(SocketObject((0..<16).map { ("\($0 % 10)", .int(Int64($0))) })),
            [0xde, 0, 16] + (0..<16).flatMap { [0xa1, 0x30 + $0 % 10, $0] as [UInt8] }
        ),
    ]

    @Test("Values are written in the shortest form and read from it", arguments: canonical)
    func bothWays(sample: Sample) throws {
        var buffer = ByteBuffer()
        MessagePack.write(sample.value, into: &buffer)
        #expect(buffer == ByteBuffer(bytes: sample.bytes))
        #expect(try MessagePack.read(&buffer) == sample.value)
        #expect(buffer.readableBytes == 0)
    }

    /// Forms that others write.
    static let readOnly: [Sample] = [
        Sample(1, [0xcc, 1]), Sample(1, [0xcd, 0, 1]), Sample(1, [0xce, 0, 0, 0, 1]),
        Sample(1, [0xcf, 0, 0, 0, 0, 0, 0, 0, 1]),
        Sample(1, [0xd0, 1]), Sample(-1, [0xd1, 0xff, 0xff]), Sample(-2, [0xd2, 0xff, 0xff, 0xff, 0xfe]),
        Sample(1, [0xd3, 0, 0, 0, 0, 0, 0, 0, 1]), Sample(1.5, [0xca, 0x3f, 0xc0, 0, 0]),
        Sample(.double(0x1p63), [0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        Sample(.double(0x1p64), [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Sample("a", [0xd9, 1, 0x61]), Sample("a", [0xda, 0, 1, 0x61]), Sample("a", [0xdb, 0, 0, 0, 1, 0x61]),
        Sample(bytes(1), [0xc5, 0, 1, 7]), Sample(bytes(1), [0xc6, 0, 0, 0, 1, 7]), Sample([1], [0xdc, 0, 1, 1]),
        Sample([1], [0xdd, 0, 0, 0, 1, 1]), Sample(["a": 1], [0xde, 0, 1, 0xa1, 0x61, 1]),
        Sample(["a": 1], [0xdf, 0, 0, 0, 1, 0xd9, 1, 0x61, 1]),
        Sample(["a": 1, "b": 1], [0x82, 0xda, 0, 1, 0x61, 1, 0xdb, 0, 0, 0, 1, 0x62, 1]),
        // Extensions: undefined and dates of notepack.io, timestamps, and what nobody knows.
        Sample(nil, [0xd4, 0, 0]), Sample(nil, [0xc7, 1, 0, 0]),
        Sample("2024-01-01T12:00:00.250Z", [0xd7, 0, 0, 0, 0x01, 0x8c, 0xc4, 0xe5, 0x22, 0xfa]),
        Sample("1969-12-31T23:59:59.999Z", [0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Sample(nil, [0xd7, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Sample("1970-01-01T00:00:01.000Z", [0xd6, 0xff, 0, 0, 0, 1]),
        Sample("2106-02-07T06:28:15.000Z", [0xd6, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Sample("1970-01-01T00:00:01.500Z", [0xd7, 0xff, 0x77, 0x35, 0x94, 0, 0, 0, 0, 1]),
        Sample("1969-12-31T23:59:59.500Z", [0xc7, 12, 0xff, 0x1d, 0xcd, 0x65, 0] + Array(repeating: 0xff, count: 8)),
        Sample(nil, [0xc7, 12, 0xff, 0, 0, 0, 0, 0x7f] + Array(repeating: 0xff, count: 7)),
        Sample(nil, [0xd7, 0xff] + Array(repeating: 0xff, count: 8)),
        Sample(bytes(1), [0xd4, 5, 7]), Sample(bytes(2), [0xd5, 0, 7, 7]), Sample(bytes(4), [0xd6, 0x80, 7, 7, 7, 7]),
        Sample(bytes(8), [0xd7, 1] + sevens(8)), Sample(bytes(16), [0xd8, 0xff] + sevens(16)),
        Sample(bytes(0), [0xc7, 0, 9]),
        Sample(bytes(3), [0xc8, 0, 3, 9, 7, 7, 7]), Sample(bytes(3), [0xc9, 0, 0, 0, 3, 9, 7, 7, 7]),
    ]

    @Test("Other forms of the same values are read", arguments: readOnly)
    func reads(sample: Sample) throws {
        var buffer = ByteBuffer(bytes: sample.bytes)
        #expect(try MessagePack.read(&buffer) == sample.value)
        #expect(buffer.readableBytes == 0)
    }

    @Test("A value that ends too early is refused, wherever it ends", arguments: canonical + readOnly)
    func truncated(sample: Sample) {
        for count in Set([0, 1, 2, 3, 4, 5, sample.bytes.count / 2, sample.bytes.count - 1])
        where count < sample.bytes.count {
            var buffer = ByteBuffer(bytes: sample.bytes[..<count])
            let failure = #expect(throws: MessagePackFailure.self) { try MessagePack.read(&buffer) }
            #expect(failure?.reason == .truncated)
        }
    }

    static let refused: [(bytes: [UInt8], reason: MessagePackFailure.Reason, position: Int)] = [
        ([0xc1], .reservedFormat, 1), ([0x91, 0xc1], .reservedFormat, 2), ([0x81, 1, 1], .keyIsNoString, 2),
        ([0x81, 0xc0, 1], .keyIsNoString, 2), ([0x81, 0xc4, 1, 0x61, 1], .keyIsNoString, 2),
        ([0x81, 0x80, 1], .keyIsNoString, 2), ([0xa1, 0x80], .invalidText, 2), ([0xa2, 0xc3, 0x28], .invalidText, 3),
        ([0xa3, 0xed, 0xa0, 0x80], .invalidText, 4), ([0x81, 0xa1, 0xff, 1], .invalidText, 3),
        ([0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1], .truncated, 5),
        ([0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0, 1], .truncated, 5),
        ([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61], .truncated, 5), ([0xc6, 0xff, 0xff, 0xff, 0xff, 0x61], .truncated, 5),
        ([0xc9, 0xff, 0xff, 0xff, 0xff, 1, 0x61], .truncated, 6), ([0x82, 0xa0, 1, 0xa0], .truncated, 1),
    ]

    @Test("What is no value is refused, with the place", arguments: refused)
    func refuses(bytes: [UInt8], reason: MessagePackFailure.Reason, position: Int) {
        var buffer = ByteBuffer(bytes: [0, 0] + bytes)
        buffer.moveReaderIndex(forwardBy: 2)
        #expect(throws: MessagePackFailure(reason: reason, position: position)) { try MessagePack.read(&buffer) }
    }

    @Test("Nesting is bounded", arguments: [[0x91], [0x81, 0xa0], [0xdc, 0, 1]] as [[UInt8]])
    func depth(level: [UInt8]) throws {
        func nested(_ depth: Int) -> ByteBuffer {
            ByteBuffer(bytes: Array(repeating: level, count: depth).joined() + [1])
        }
        var deep = nested(256)
        _ = try MessagePack.read(&deep)
        for depth in [257, 100_000] {
            var deeper = nested(depth)
            let failure = #expect(throws: MessagePackFailure.self) { try MessagePack.read(&deeper) }
            #expect(failure?.reason == .tooDeep)
        }
        var two = nested(2)
        #expect(throws: MessagePackFailure.self) { try MessagePack.read(&two, limits: .init(maximumDepth: 1)) }
    }

    @Test("What is behind a value stays in the buffer")
    func trailingBytes() throws {
        var buffer = ByteBuffer(bytes: [1, 0xa1, 0x61, 9])
        #expect(try MessagePack.read(&buffer) == 1)
        #expect(try MessagePack.read(&buffer) == "a")
        #expect(buffer == ByteBuffer(bytes: [9]))
    }

    @Test("JSON that is not parsed yet is written as what it says")
    func raw() throws {
        var buffer = ByteBuffer()
        MessagePack.write([.json(ByteBuffer(string: #" {"a" : [1.0, 300]} "#))], into: &buffer)
        #expect(try MessagePack.read(&buffer) == [["a": [1, 300]]])
    }

    @Test("Not-a-number and negative zero keep their bits")
    func specialDoubles() throws {
        var buffer = ByteBuffer()
        MessagePack.write([.double(.nan), .double(-0.0)], into: &buffer)
        let values = try MessagePack.read(&buffer)
        #expect(values[0]?.double?.isNaN == true)
        #expect(values[1]?.double?.sign == .minus)
    }
}
