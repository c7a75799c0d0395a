public import NIOCore

/// Whether a message travels as text (UTF-8) or as bytes.
public enum MessageKind: Sendable, Hashable {
    case text
    case binary
}

/// What a publication carries, in the form in which it was said, so that every dialect can render it in its own words.
public enum Payload: Sendable, Equatable {
    /// UTF-8 text as somebody typed it.
    case text(ByteBuffer)
    /// One JSON value, its bytes exactly as sent; never re-encoded.
    case json(ByteBuffer)
    /// Opaque bytes.
    case binary(ByteBuffer)
    /// A named event with its arguments as the raw bytes of one JSON array.
    case event(name: String, arguments: ByteBuffer)

    /// The bytes it occupies in a history.
    public var byteCount: Int {
        switch self {
        case .text(let bytes), .json(let bytes), .binary(let bytes):
            return bytes.readableBytes
        case .event(let name, let arguments):
            return name.utf8.count + arguments.readableBytes
        }
    }

    /// A copy that owns just its own bytes, for keeping beyond the read buffer that it is a slice of.
    public func detached() -> Payload {
        func copy(_ bytes: ByteBuffer) -> ByteBuffer {
            var buffer = ByteBufferAllocator().buffer(capacity: bytes.readableBytes)
            buffer.writeImmutableBuffer(bytes)
            return buffer
        }
        switch self {
        case .text(let bytes): return .text(copy(bytes))
        case .json(let bytes): return .json(copy(bytes))
        case .binary(let bytes): return .binary(copy(bytes))
        case .event(let name, let arguments): return .event(name: name, arguments: copy(arguments))
        }
    }
}
