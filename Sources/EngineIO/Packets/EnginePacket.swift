public import NIOCore

/// A unit of Engine.IO: one digit of type, and a payload.
///
/// Source: Engine.IO protocol, revision 4, "Packet types". Only a message may be binary; it has no digit on the wire then.
public struct EnginePacket: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        case open = 0
        case close
        case ping
        case pong
        case message
        case upgrade
        case noop

        /// The character that begins a packet of this kind.
        public var digit: UInt8 { UInt8(ascii: "0") + self.rawValue }

        public init?(digit: UInt8) {
            guard digit >= UInt8(ascii: "0") else { return nil }
            self.init(rawValue: digit - UInt8(ascii: "0"))
        }
    }

    public var kind: Kind
    /// Whether the payload is bytes rather than UTF-8 text.
    public var isBinary: Bool
    public var payload: ByteBuffer

    public init(_ kind: Kind, _ payload: ByteBuffer = ByteBuffer(), isBinary: Bool = false) {
        self.kind = kind
        self.payload = payload
        self.isBinary = isBinary
    }

    /// Parses the text form, `4hello` for instance. The payload is a slice of `text`.
    /// - Throws: ``EngineFailure/malformedPacket`` for an empty packet or an unknown type.
    public init(text: ByteBuffer) throws(EngineFailure) {
        var text = text
        guard let digit = text.readInteger(as: UInt8.self), let kind = Kind(digit: digit) else {
            throw .malformedPacket
        }
        self.init(kind, text)
    }

    /// Appends the text form.
    public static func writeText(_ kind: Kind, _ payload: ByteBuffer? = nil, into wire: inout ByteBuffer) {
        wire.writeInteger(kind.digit)
        if let payload { wire.writeImmutableBuffer(payload) }
    }
}

/// Why bytes are no Engine.IO. The session that they belong to is closed with ``EngineCloseReason/parseError``.
public enum EngineFailure: Error, Equatable, Sendable {
    case malformedPacket
    case malformedPayload
}

/// The revision of the protocol that a session speaks: the query parameter `EIO`.
public enum EngineRevision: Int, Sendable {
    /// Socket.IO 2 clients: the client pings, payloads carry lengths, binary frames a type byte.
    case three = 3
    case four = 4
}
