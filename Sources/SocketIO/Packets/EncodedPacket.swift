public import NIOCore
internal import ParleyModel

/// A packet as Engine.IO messages: made once, whatever the number of receivers.
///
/// With the JSON parser it is one text, led by Engine.IO's `4`, and the attachments behind it; with the msgpack parser one
/// binary message and no text.
public struct EncodedPacket: Sendable {
    /// `4` and the packet's text; `nil` with the msgpack parser.
    public var text: ByteBuffer?
    /// Binary messages that follow, with nothing in between.
    public var attachments: [ByteBuffer]

    public init(text: ByteBuffer?, attachments: [ByteBuffer] = []) {
        self.text = text
        self.attachments = attachments
    }

    /// Bytes on the wire, but for framing.
    public var byteCount: Int {
        self.attachments.reduce(self.text?.readableBytes ?? 0) { $0 + $1.readableBytes }
    }
}

/// How packets are written. Both ends must agree on it beforehand; there is no negotiation.
public enum SocketParser: Sendable {
    case json
    /// Every packet is one MessagePack map (`socket.io-msgpack-parser`).
    case messagePack

    /// - Parameters:
    ///   - id: Asks for an acknowledgement.
    ///   - offset: Its place in a recoverable log, which clients find as the last argument.
    public func event(
        _ name: String,
        _ arguments: SocketArguments,
        namespace: String,
        id: UInt64? = nil,
        offset: String? = nil
    ) -> EncodedPacket {
        switch self {
        case .json:
            return JSONPacketWriter.packet(.event, namespace: namespace, id: id) { json, attachments in
                json.writeInteger(UInt8(ascii: "["))
                json.writeJSONString(name)
                if !arguments.isEmpty { json.writeInteger(UInt8(ascii: ",")) }
                arguments.write(into: &json, attachments: &attachments)
                if let offset {
                    json.writeInteger(UInt8(ascii: ","))
                    json.writeJSONString(offset)
                }
                json.writeInteger(UInt8(ascii: "]"))
            }
        case .messagePack:
            let data = [.string(name)] + arguments.values + (offset.map { [.string($0)] } ?? [])
            return MessagePackPacket.packet(.event, namespace: namespace, id: id, data: .array(data))
        }
    }

    public func ack(_ arguments: SocketArguments, namespace: String, id: UInt64) -> EncodedPacket {
        switch self {
        case .json:
            return JSONPacketWriter.packet(.ack, namespace: namespace, id: id) { json, attachments in
                json.writeInteger(UInt8(ascii: "["))
                arguments.write(into: &json, attachments: &attachments)
                json.writeInteger(UInt8(ascii: "]"))
            }
        case .messagePack:
            return MessagePackPacket.packet(.ack, namespace: namespace, id: id, data: .array(arguments.values))
        }
    }

    /// The answer to a CONNECT.
    /// - Parameter privateID: The secret by which the client may recover the connection; `nil` without recovery.
    public func connected(namespace: String, socketID: String, privateID: String? = nil) -> EncodedPacket {
        var data: SocketObject = ["sid": .string(socketID)]
        if let privateID { data["pid"] = .string(privateID) }
        return self.control(.connect, namespace: namespace, data: .object(data))
    }

    /// The answer to a CONNECT of Socket.IO 2, which has no payload.
    public func connectedWithoutPayload(namespace: String) -> EncodedPacket {
        self.control(.connect, namespace: namespace, data: nil)
    }

    /// The refusal of a CONNECT: an object with `message`, and `data` if there is any.
    public func connectError(namespace: String, message: String, data: SocketValue?) -> EncodedPacket {
        var payload: SocketObject = ["message": .string(message)]
        if let data { payload["data"] = data }
        return self.control(.connectError, namespace: namespace, data: .object(payload))
    }

    /// The refusal of a CONNECT of Socket.IO 2: the data, or the message as a string.
    public func connectErrorOfRevision4(namespace: String, message: String, data: SocketValue?) -> EncodedPacket {
        self.control(.connectError, namespace: namespace, data: data ?? .string(message))
    }

    public func disconnect(namespace: String) -> EncodedPacket {
        self.control(.disconnect, namespace: namespace, data: nil)
    }

    private func control(
        _ type: SocketPacketHeader.WireType,
        namespace: String,
        data: SocketValue?
    ) -> EncodedPacket {
        switch self {
        case .json:
            return JSONPacketWriter.packet(type, namespace: namespace, id: nil) { json, attachments in
                data?.writeJSON(into: &json, attachments: &attachments)
            }
        case .messagePack:
            return MessagePackPacket.packet(type, namespace: namespace, id: nil, data: data)
        }
    }
}

enum JSONPacketWriter {
    /// - Parameter payload: Appends the JSON and collects what it cut out of it.
    static func packet(
        _ type: SocketPacketHeader.WireType,
        namespace: String,
        id: UInt64?,
        payload: (inout ByteBuffer, inout [ByteBuffer]) -> Void
    ) -> EncodedPacket {
        // Room for the usual header, so that the common packet without binary is written in place.
        var text = ByteBufferAllocator().buffer(capacity: 128)
        text.writeInteger(UInt8(ascii: "4"))
        text.writeInteger(type.digit)
        Self.write(namespace, id, into: &text)
        var attachments: [ByteBuffer] = []
        payload(&text, &attachments)
        guard !attachments.isEmpty else { return EncodedPacket(text: text) }

        let binaryType: SocketPacketHeader.WireType =
            switch type {
            case .event: .binaryEvent
            case .ack: .binaryAck
            default: type
            }
        // The count stands before what has been written already: written again behind it.
        var header = ByteBufferAllocator().buffer(capacity: text.readableBytes + 8)
        header.writeInteger(UInt8(ascii: "4"))
        header.writeInteger(binaryType.digit)
        if binaryType.isBinary { header.writeString("\(attachments.count)-") }
        text.moveReaderIndex(forwardBy: 2)
        header.writeBuffer(&text)
        return EncodedPacket(text: header, attachments: attachments)
    }

    private static func write(_ namespace: String, _ id: UInt64?, into text: inout ByteBuffer) {
        if namespace != "/" {
            text.writeString(namespace)
            text.writeInteger(UInt8(ascii: ","))
        }
        if let id { text.writeString(String(id)) }
    }
}
