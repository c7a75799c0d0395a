internal import NIOCore

/// The least that means something by itself.
enum RESPToken {
    case value(RESPValue)
    /// - Parameter count: `nil` when it goes on until an end is said.
    case begin(AggregateKind, count: Int?)
    /// A piece of a streamed string; an empty one ends it.
    case chunk(ByteBuffer)
    case endOfStream
}

enum AggregateKind: Sendable, Equatable {
    case array, set, map, push, attribute
    /// The pieces of a streamed string.
    case chunks
}

enum StringKind: Sendable {
    case bulk, error, verbatim, chunk

    func token(_ bytes: ByteBuffer) throws(RESPError) -> RESPToken {
        switch self {
        case .bulk: return .value(.bulkString(bytes))
        case .error: return .value(.bulkError(bytes))
        case .chunk: return .chunk(bytes)
        case .verbatim:
            var text = bytes
            guard let format = text.readSlice(length: 3), text.readInteger(as: UInt8.self) == UInt8(ascii: ":") else {
                throw RESPError(.invalidText, "expected verbatim text with three letters and a colon before it")
            }
            return .value(.verbatim(format: format, text: text))
        }
    }
}

/// What a line is: all of a token, or the announcement of a string.
enum RESPLine {
    case token(RESPToken)
    case string(StringKind, count: Int)

    /// - Parameter line: Without its end.
    init(_ line: ByteBuffer) throws(RESPError) {
        var rest = line
        let type = rest.readInteger(as: UInt8.self) ?? 0
        switch type {
        case UInt8(ascii: "+"): self = .token(.value(.simpleString(rest)))
        case UInt8(ascii: "-"): self = .token(.value(.simpleError(rest)))
        case UInt8(ascii: ":"): self = .token(.value(.integer(try Self.integer(rest))))
        case UInt8(ascii: "_"):
            guard rest.readableBytes == 0 else { throw RESPError(.invalidText, "expected nothing behind a null") }
            self = .token(.value(.null))
        case UInt8(ascii: "#"): self = .token(.value(.boolean(try Self.boolean(rest))))
        case UInt8(ascii: ","):
            guard let number = RESPNumber.double(rest.readableBytesView) else {
                throw RESPError(.invalidNumber, "expected a number with a point, inf or nan, got something else")
            }
            self = .token(.value(.double(number)))
        case UInt8(ascii: "("):
            guard RESPNumber.isBigNumber(rest.readableBytesView) else {
                throw RESPError(.invalidNumber, "expected the digits of a big number, got something else")
            }
            self = .token(.value(.bigNumber(rest)))
        case UInt8(ascii: "$"): self = try Self.announcement(of: .bulk, rest)
        case UInt8(ascii: "!"): self = try Self.announcement(of: .error, rest)
        case UInt8(ascii: "="): self = try Self.announcement(of: .verbatim, rest)
        case UInt8(ascii: ";"): self = try Self.announcement(of: .chunk, rest)
        case UInt8(ascii: "*"): self = .token(try Self.beginning(of: .array, rest))
        case UInt8(ascii: "~"): self = .token(try Self.beginning(of: .set, rest))
        case UInt8(ascii: "%"): self = .token(try Self.beginning(of: .map, rest))
        case UInt8(ascii: ">"): self = .token(try Self.beginning(of: .push, rest))
        case UInt8(ascii: "|"): self = .token(try Self.beginning(of: .attribute, rest))
        case UInt8(ascii: "."):
            guard rest.readableBytes == 0 else { throw RESPError(.invalidText, "expected nothing behind an end") }
            self = .token(.endOfStream)
        default:
            throw RESPError(
                .unknownType,
                "expected the type of a value, got the byte \(type): is this a server of Redis or Valkey?"
            )
        }
    }

    private static func announcement(of kind: StringKind, _ rest: ByteBuffer) throws(RESPError) -> Self {
        switch kind {
        case .bulk where Self.isUnknown(rest): return .token(.begin(.chunks, count: nil))
        case .bulk where Self.isNull(rest): return .token(.value(.null))
        // Pieces are tokens as well; the last is empty, and has no bytes and no end of line of its own.
        case .chunk where rest.readableBytesView.elementsEqual("0".utf8): return .token(.chunk(ByteBuffer()))
        default: return .string(kind, count: try Self.length(rest))
        }
    }

    private static func beginning(of kind: AggregateKind, _ rest: ByteBuffer) throws(RESPError) -> RESPToken {
        if Self.isUnknown(rest), kind != .attribute { return .begin(kind, count: nil) }
        if Self.isNull(rest), kind == .array { return .value(.null) }
        let count = try Self.length(rest)
        // Twice as many and one must still be a number, whatever the limits are.
        guard count <= Int(Int32.max) else {
            throw RESPError(.tooManyElements, "a value announces \(count) others in it")
        }
        return .begin(kind, count: kind == .map || kind == .attribute ? count * 2 : count)
    }

    private static func isUnknown(_ rest: ByteBuffer) -> Bool { rest.readableBytesView.elementsEqual("?".utf8) }
    private static func isNull(_ rest: ByteBuffer) -> Bool { rest.readableBytesView.elementsEqual("-1".utf8) }

    private static func length(_ rest: ByteBuffer) throws(RESPError) -> Int {
        // More digits than these could not be added to anything.
        guard rest.readableBytes <= 18, let length = RESPNumber.integer(rest.readableBytesView), length >= 0 else {
            throw RESPError(.invalidLength, "expected a length, got something else")
        }
        return Int(length)
    }

    private static func integer(_ rest: ByteBuffer) throws(RESPError) -> Int64 {
        guard let number = RESPNumber.integer(rest.readableBytesView) else {
            throw RESPError(.invalidNumber, "expected a whole number of 64 bits, got something else")
        }
        return number
    }

    private static func boolean(_ rest: ByteBuffer) throws(RESPError) -> Bool {
        if rest.readableBytesView.elementsEqual("t".utf8) { return true }
        if rest.readableBytesView.elementsEqual("f".utf8) { return false }
        throw RESPError(.invalidText, "expected t or f for a truth value, got something else")
    }
}
