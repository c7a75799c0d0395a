internal import EngineIO
internal import NIOCore
package import ParleyHub
package import ParleyModel
internal import ParleyTransport
internal import SocketIO
internal import WebSocketProtocol

/// The wire formats of Socket.IO: packets in WebSocket frames of either revision, compressed or not, and packets for polls.
package struct SocketIOFormats: Sendable {
    package enum Kind: Sendable, Equatable {
        case webSocket(windowBits: Int?)
        /// Binary frames begin with a type byte.
        case webSocketRevision3
        case polling
    }

    private let webSocket: FormatID
    private let webSocketRevision3: FormatID
    let polling: FormatID
    private let compressed: [Int: FormatID]
    private let threshold: Int

    /// Registers the formats; before the hub is made.
    package init(
        in formats: inout HubConfiguration.Formats,
        dialect: DialectName,
        configuration: SocketIOConfiguration
    ) {
        func register() -> FormatID { formats.register(SocketIOFormat(dialect: dialect)) }
        self.webSocket = register()
        self.webSocketRevision3 = register()
        self.polling = register()
        var compressed: [Int: FormatID] = [:]
        if configuration.compressesWebSocket {
            for bits in 8...15 { compressed[bits] = register() }
        }
        self.compressed = compressed
        self.threshold = configuration.compressionThreshold
    }

    package func id(of kind: Kind) -> FormatID {
        switch kind {
        case .webSocket(let bits): return bits.flatMap { self.compressed[$0] } ?? self.webSocket
        case .webSocketRevision3: return self.webSocketRevision3
        case .polling: return self.polling
        }
    }

    private func kind(of id: FormatID) -> Kind {
        if id == self.webSocket { return .webSocket(windowBits: nil) }
        if id == self.polling { return .polling }
        if id == self.webSocketRevision3 { return .webSocketRevision3 }
        return .webSocket(windowBits: self.compressed.first { $0.value == id }?.key)
    }

    /// Appends a packet with its attachments: one piece, so that nothing comes between them.
    func write(_ packet: EncodedPacket, compresses: Bool, as format: FormatID, into wire: inout ByteBuffer) {
        switch self.kind(of: format) {
        case .webSocket(let bits):
            let bits = compresses ? bits : nil
            if let text = packet.text { self.frame(.text, text, bits, into: &wire) }
            for attachment in packet.attachments { self.frame(.binary, attachment, bits, into: &wire) }
        case .webSocketRevision3:
            if let text = packet.text { self.frame(.text, text, nil, into: &wire) }
            for attachment in packet.attachments {
                WebSocketFrame.writeHeader(opcode: .binary, payloadBytes: attachment.readableBytes + 1, into: &wire)
                wire.writeInteger(EnginePacket.Kind.message.rawValue)
                wire.writeImmutableBuffer(attachment)
            }
        case .polling:
            if let text = packet.text {
                wire.writeImmutableBuffer(text)
                wire.writeInteger(PollingPayload.separator)
            }
            for attachment in packet.attachments { PollingPayload.writeBinary(attachment, into: &wire) }
        }
    }

    /// Appends a packet of Engine.IO's own.
    func write(
        _ kind: EnginePacket.Kind,
        _ payload: ByteBuffer? = nil,
        isBinary: Bool = false,
        as format: FormatID,
        into wire: inout ByteBuffer
    ) {
        if isBinary {
            let packet = EncodedPacket(text: nil, attachments: [payload ?? ByteBuffer()])
            return self.write(packet, compresses: true, as: format, into: &wire)
        }
        switch self.kind(of: format) {
        case .polling:
            PollingPayload.write(kind, payload, into: &wire)
        case .webSocket, .webSocketRevision3:
            WebSocketFrame.writeHeader(
                opcode: .text,
                payloadBytes: 1 + (payload?.readableBytes ?? 0),
                into: &wire
            )
            EnginePacket.writeText(kind, payload, into: &wire)
        }
    }

    private func frame(_ kind: MessageKind, _ message: ByteBuffer, _ windowBits: Int?, into wire: inout ByteBuffer) {
        if let windowBits, message.readableBytes >= self.threshold {
            LoopTools.current.writeFrame(kind, message, windowBits: windowBits, into: &wire)
        } else {
            WebSocketFrame.write(kind == .text ? WebSocketOpcode.text : .binary, payload: message, into: &wire)
        }
    }
}

/// A packet on its way to connections of any format.
struct PacketMessage: FormattedMessage {
    let packet: EncodedPacket
    let formats: SocketIOFormats
    let compresses: Bool

    func write(as format: FormatID, into wire: inout ByteBuffer) {
        self.formats.write(self.packet, compresses: self.compresses, as: format, into: &wire)
    }
}

/// Events of topics that the hub orders; rooms of Socket.IO have none.
private final class SocketIOFormat: WireFormat {
    let dialect: DialectName
    init(dialect: DialectName) { self.dialect = dialect }
    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer) {}
    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer) {}
}
