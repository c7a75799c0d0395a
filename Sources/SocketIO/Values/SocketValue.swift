public import NIOCore
internal import ParleyModel

/// One argument of a Socket.IO event: what JSON can say, and bytes anywhere in it.
///
/// Equal by meaning: 1 equals 1.0, as JavaScript has one type of number, members of objects may stand in any order, and
/// ``json(_:)`` equals what it says. Not-a-number equals nothing. Text is compared byte for byte.
public enum SocketValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    /// Bytes. Clients give an `ArrayBuffer`, a `Buffer` or what their language has for it.
    case binary(ByteBuffer)
    case array([SocketValue])
    case object(SocketObject)
    /// The bytes of one JSON value without binary in it, passed on as they came and parsed only when somebody looks.
    ///
    /// Whoever makes one has checked it with ``ParleyModel/JSONScanner``: it is written as it is. What is no JSON after all reads
    /// as null.
    case json(ByteBuffer)
}

extension SocketValue {
    /// Whether there are bytes in it, so that it has to be sent as a binary packet.
    public var hasBinary: Bool {
        switch self {
        case .binary: true
        case .array(let elements): elements.contains { $0.hasBinary }
        case .object(let object): object.contains { $0.value.hasBinary }
        case .null, .bool, .int, .double, .string, .json: false
        }
    }
}

extension SocketValue: Equatable {
    public static func == (lhs: SocketValue, rhs: SocketValue) -> Bool {
        switch (lhs, rhs) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.double(let a), .double(let b)): a == b
        case (.int(let a), .double(let b)), (.double(let b), .int(let a)): a == Int64(exactly: b)
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.binary(let a), .binary(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        case (.json(let a), .json(let b)): a == b || lhs.parsed == rhs.parsed
        case (.json, _), (_, .json): lhs.parsed == rhs.parsed
        default: false
        }
    }
}
