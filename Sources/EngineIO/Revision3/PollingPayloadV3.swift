public import NIOCore
internal import ParleyText

/// The body of a long-polling request or response of revision 3: packets with their lengths before them.
///
/// There are two forms. In the text form, `<length>:<packet>`, the length counts UTF-16 code units, and a binary message is
/// `b4<base64>`. In the binary form, `application/octet-stream`, a packet follows a byte 0 (text) or 1 (binary), its length in
/// bytes as decimal digits of the values 0–9, and 0xFF; a binary packet begins with its type as a number rather than a digit.
///
/// Source: Engine.IO protocol, revision 3, "Encoding", "Payload".
public enum PollingPayloadV3 {
    /// Ends the length in the binary form.
    static let lengthEnd: UInt8 = 0xFF
    /// Begins a packet in the binary form: whether it is text.
    static let textMark: UInt8 = 0
    static let binaryMark: UInt8 = 1

    /// Writes all of `packets`, in order, as one body.
    /// - Parameter supportsBinary: False when the client asked for base64 (`b64=1`): the body is text then, whatever it carries.
    /// - Returns: `isBinary` is true, and the content type to be `application/octet-stream`, when a packet is binary and may be.
    public static func write(
        _ packets: [EnginePacket],
        supportsBinary: Bool
    ) -> (body: ByteBuffer, isBinary: Bool) {
        let isBinary = supportsBinary && packets.contains { $0.isBinary }
        var body = ByteBufferAllocator().buffer(
            capacity: packets.reduce(0) { $0 + Base64.encodedCount($1.payload.readableBytes) + 16 }
        )
        for packet in packets {
            if isBinary {
                Self.writeBinaryForm(packet, into: &body)
            } else {
                Self.writeTextForm(packet, into: &body)
            }
        }
        return (body, isBinary)
    }

    private static func writeTextForm(_ packet: EnginePacket, into body: inout ByteBuffer) {
        if packet.isBinary {
            body.writeString("\(2 + Base64.encodedCount(packet.payload.readableBytes)):b")
            body.writeInteger(packet.kind.digit)
            body.writeBase64(of: packet.payload)
        } else {
            let units = packet.payload.withUnsafeReadableBytes { UTF16Length.count($0) }
            body.writeString("\(1 + units):")
            EnginePacket.writeText(packet.kind, packet.payload, into: &body)
        }
    }

    private static func writeBinaryForm(_ packet: EnginePacket, into body: inout ByteBuffer) {
        body.writeInteger(packet.isBinary ? Self.binaryMark : Self.textMark)
        for digit in String(1 + packet.payload.readableBytes).utf8 { body.writeInteger(digit - UInt8(ascii: "0")) }
        body.writeInteger(Self.lengthEnd)
        body.writeInteger(packet.isBinary ? packet.kind.rawValue : packet.kind.digit)
        body.writeImmutableBuffer(packet.payload)
    }
}
