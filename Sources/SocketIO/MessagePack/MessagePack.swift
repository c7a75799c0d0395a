/// MessagePack, the binary encoding of the parser `socket.io-msgpack-parser`: bytes stand in it like any other value.
///
/// Source: the MessagePack specification, and notepack.io for what JavaScript adds to it.
public enum MessagePack {
    /// What a reader believes of what it is told.
    public struct Limits: Sendable {
        /// How many arrays and maps may stand inside each other.
        public var maximumDepth: Int

        public init(maximumDepth: Int = JSONDepth.maximum) {
            self.maximumDepth = maximumDepth
        }
    }
}

/// Why bytes are no MessagePack that can be a value.
public struct MessagePackFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        /// Also a count of elements that the bytes which are left cannot hold.
        case truncated = "MessagePack ends too early"
        case tooDeep = "MessagePack nested too deeply"
        case keyIsNoString = "expected a string as the key of a map"
        case invalidText = "a string is not UTF-8"
        case reservedFormat = "0xc1 begins no value"
    }

    public let reason: Reason
    /// Where in the input, in bytes from its start.
    public let position: Int

    public var description: String { "\(self.reason.rawValue) at byte \(self.position)" }
}

/// The bytes that begin a value. Those of fixed size hold a number in their low bits.
enum MessagePackFormat {
    static let fixmap: UInt8 = 0x80
    static let fixarray: UInt8 = 0x90
    static let fixstr: UInt8 = 0xa0
    static let null: UInt8 = 0xc0
    static let reserved: UInt8 = 0xc1
    static let no: UInt8 = 0xc2
    static let yes: UInt8 = 0xc3
    static let bin8: UInt8 = 0xc4
    static let bin16: UInt8 = 0xc5
    static let bin32: UInt8 = 0xc6
    static let ext8: UInt8 = 0xc7
    static let ext16: UInt8 = 0xc8
    static let ext32: UInt8 = 0xc9
    static let float32: UInt8 = 0xca
    static let float64: UInt8 = 0xcb
    static let uint8: UInt8 = 0xcc
    static let uint16: UInt8 = 0xcd
    static let uint32: UInt8 = 0xce
    static let uint64: UInt8 = 0xcf
    static let int8: UInt8 = 0xd0
    static let int16: UInt8 = 0xd1
    static let int32: UInt8 = 0xd2
    static let int64: UInt8 = 0xd3
    static let fixext1: UInt8 = 0xd4
    static let fixext16: UInt8 = 0xd8
    static let str8: UInt8 = 0xd9
    static let str16: UInt8 = 0xda
    static let str32: UInt8 = 0xdb
    static let array16: UInt8 = 0xdc
    static let array32: UInt8 = 0xdd
    static let map16: UInt8 = 0xde
    static let map32: UInt8 = 0xdf
}
