public import NIOCore
internal import ParleyText

/// Takes a body of ``PollingPayloadV3`` apart, packet after packet, so that those before a broken one still count.
public struct PollingPayloadV3Reader: Sendable {
    private var rest: ByteBuffer
    private let isBinary: Bool

    /// - Parameters:
    ///   - body: A text body must be UTF-8 already. Payloads will be slices of it.
    ///   - isBinary: Whether the content type is `application/octet-stream`.
    public init(_ body: ByteBuffer, isBinary: Bool) {
        self.rest = body
        self.isBinary = isBinary
    }

    /// The next packet, or `nil` behind the last; an empty body has none.
    /// - Throws: ``EngineFailure``; nothing follows.
    public mutating func next() throws(EngineFailure) -> EnginePacket? {
        guard self.rest.readableBytes > 0 else { return nil }
        var bytes = self.rest
        self.rest.clear()
        let packet = self.isBinary ? try Self.nextOfBinaryForm(&bytes) : try Self.nextOfTextForm(&bytes)
        self.rest = bytes
        return packet
    }

    private static func nextOfTextForm(_ bytes: inout ByteBuffer) throws(EngineFailure) -> EnginePacket {
        let units = try Self.length(&bytes, zero: UInt8(ascii: "0"), end: UInt8(ascii: ":"))
        let length = bytes.withUnsafeReadableBytes { UTF16Length.bytes(of: units, in: $0) }
        guard let length, let packet = bytes.readSlice(length: length) else { throw .malformedPayload }
        return try Self.textPacket(packet)
    }

    private static func nextOfBinaryForm(_ bytes: inout ByteBuffer) throws(EngineFailure) -> EnginePacket {
        let mark = bytes.readInteger(as: UInt8.self)
        let length = try Self.length(&bytes, zero: 0, end: PollingPayloadV3.lengthEnd)
        guard let packet = bytes.readSlice(length: length) else { throw .malformedPayload }
        switch mark {
        case PollingPayloadV3.textMark:
            // Only here may bytes be called text that nobody has looked at.
            guard String(validating: packet.readableBytesView, as: UTF8.self) != nil else { throw .malformedPacket }
            return try Self.textPacket(packet)
        case PollingPayloadV3.binaryMark: return try Self.binaryPacket(packet)
        default: throw .malformedPayload
        }
    }

    /// Reads a decimal number and what ends it.
    private static func length(_ bytes: inout ByteBuffer, zero: UInt8, end: UInt8) throws(EngineFailure) -> Int {
        var length = 0
        var hasDigits = false
        while let byte = bytes.readInteger(as: UInt8.self) {
            if byte == end, hasDigits { return length }
            // A length beyond the body is wrong already, which also keeps it from overflowing.
            guard byte >= zero, byte - zero <= 9, length <= bytes.readableBytes else { throw .malformedPayload }
            length = length * 10 + Int(byte - zero)
            hasDigits = true
        }
        throw .malformedPayload
    }

    private static func textPacket(_ packet: ByteBuffer) throws(EngineFailure) -> EnginePacket {
        var packet = packet
        guard packet.readableBytesView.first == UInt8(ascii: "b") else { return try EnginePacket(text: packet) }
        packet.moveReaderIndex(forwardBy: 1)
        guard packet.readInteger(as: UInt8.self) == EnginePacket.Kind.message.digit,
            let payload = packet.decodedBase64()
        else { throw .malformedPacket }
        return EnginePacket(.message, payload, isBinary: true)
    }

    private static func binaryPacket(_ packet: ByteBuffer) throws(EngineFailure) -> EnginePacket {
        var packet = packet
        guard packet.readInteger(as: UInt8.self) == EnginePacket.Kind.message.rawValue else { throw .malformedPacket }
        return EnginePacket(.message, packet, isBinary: true)
    }
}
