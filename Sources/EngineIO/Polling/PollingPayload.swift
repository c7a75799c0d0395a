public import NIOCore

/// The body of a long-polling request or response: packets joined by U+001E.
///
/// Source: Engine.IO protocol, revision 4, "Encoding", "HTTP long-polling". Inside the server packets for a poll are kept each
/// *followed* by the separator, so that whatever is appended to them stays divisible.
public enum PollingPayload {
    /// ASCII record separator: it cannot occur in a packet, as JSON escapes control characters.
    public static let separator: UInt8 = 0x1E

    /// Appends a text packet and its separator.
    public static func write(_ kind: EnginePacket.Kind, _ payload: ByteBuffer? = nil, into wire: inout ByteBuffer) {
        EnginePacket.writeText(kind, payload, into: &wire)
        wire.writeInteger(Self.separator)
    }

    /// Appends a binary message, `b` and base64 in place of the type, and its separator.
    public static func writeBinary(_ payload: ByteBuffer, into wire: inout ByteBuffer) {
        wire.writeInteger(UInt8(ascii: "b"))
        wire.writeBase64(of: payload)
        wire.writeInteger(Self.separator)
    }

    /// Parses one packet of a body.
    /// - Parameter bytes: What stands between two separators.
    static func parse(_ bytes: ByteBuffer) throws(EngineFailure) -> EnginePacket {
        var bytes = bytes
        guard bytes.readableBytesView.first == UInt8(ascii: "b") else { return try EnginePacket(text: bytes) }
        bytes.moveReaderIndex(forwardBy: 1)
        guard let payload = bytes.decodedBase64() else { throw .malformedPacket }
        return EnginePacket(.message, payload, isBinary: true)
    }
}

/// Takes a body apart, packet after packet, so that those before a broken one still count.
public struct PollingPayloadReader: Sendable {
    private var rest: ByteBuffer?

    public init(_ body: ByteBuffer) {
        self.rest = body
    }

    /// The next packet, or `nil` behind the last.
    /// - Throws: ``EngineFailure``; nothing follows.
    public mutating func next() throws(EngineFailure) -> EnginePacket? {
        guard var bytes = self.rest else { return nil }
        self.rest = nil
        let end = bytes.readableBytesView.firstIndex(of: PollingPayload.separator)
        guard let end else { return try PollingPayload.parse(bytes) }
        guard let packet = bytes.readSlice(length: end - bytes.readerIndex) else { throw .malformedPayload }
        bytes.moveReaderIndex(forwardBy: 1)
        self.rest = bytes
        return try PollingPayload.parse(packet)
    }
}
