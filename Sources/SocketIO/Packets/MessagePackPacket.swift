public import NIOCore

/// Packets of the msgpack parser: a map `{type, nsp, data?, id?}`, binary inline, types 0 to 4 only.
///
/// Source: `socket.io-msgpack-parser`; Socket.IO server specification §2.5.
public enum MessagePackPacket {
    static func packet(
        _ type: SocketPacketHeader.WireType,
        namespace: String,
        id: UInt64?,
        data: SocketValue?
    ) -> EncodedPacket {
        var map: SocketObject = ["type": .int(Int64(type.rawValue)), "nsp": .string(namespace)]
        if let data { map["data"] = data }
        if let id { map["id"] = .int(Int64(id)) }
        var bytes = ByteBuffer()
        MessagePack.write(.object(map), into: &bytes)
        return EncodedPacket(text: nil, attachments: [bytes])
    }

    /// An event whose name and arguments are written already.
    static func event(
        namespace: String,
        id: UInt64?,
        elements: ByteBuffer,
        count: Int,
        offset: String?
    ) -> EncodedPacket {
        var bytes = ByteBufferAllocator().buffer(capacity: elements.readableBytes + 64)
        MessagePack.writeMapHeader(id == nil ? 3 : 4, into: &bytes)
        MessagePack.write(.string("type"), into: &bytes)
        MessagePack.write(.int(Int64(SocketPacketHeader.WireType.event.rawValue)), into: &bytes)
        MessagePack.write(.string("nsp"), into: &bytes)
        MessagePack.write(.string(namespace), into: &bytes)
        MessagePack.write(.string("data"), into: &bytes)
        MessagePack.writeArrayHeader(offset == nil ? count : count + 1, into: &bytes)
        bytes.writeImmutableBuffer(elements)
        if let offset { MessagePack.write(.string(offset), into: &bytes) }
        if let id {
            MessagePack.write(.string("id"), into: &bytes)
            MessagePack.write(.int(Int64(id)), into: &bytes)
        }
        return EncodedPacket(text: nil, attachments: [bytes])
    }

    /// Reads one binary message.
    /// - Throws: ``SocketFailure``.
    public static func parse(_ message: ByteBuffer) throws(SocketFailure) -> SocketPacket {
        var message = message
        guard let value = try? MessagePack.read(&message), message.readableBytes == 0, case .object(let map) = value,
            let number = map["type"]?.int, let type = UInt8(exactly: number).flatMap(SocketPacketHeader.WireType.init),
            let namespace = map["nsp"]?.string
        else { throw SocketFailure(.malformed) }
        let id = map["id"]?.int.flatMap { UInt64(exactly: $0) }
        if map["id"] != nil, map["id"]?.isNull != true, id == nil { throw SocketFailure(.malformed) }
        let data = map["data"]
        switch type {
        case .connect:
            return SocketPacket(namespace: namespace, content: .connect(auth: try Self.object(data)))
        case .disconnect:
            guard data == nil || data?.isNull == true else { throw SocketFailure(.payload) }
            return SocketPacket(namespace: namespace, content: .disconnect)
        case .event:
            guard case .array(var values) = data else { throw SocketFailure(.payload) }
            return try SocketPacket(namespace: namespace, eventWith: &values, id: id)
        case .ack:
            guard case .array(let values) = data, let id else { throw SocketFailure(.payload) }
            return SocketPacket(namespace: namespace, content: .ack(SocketArguments(values), id: id))
        case .connectError, .binaryEvent, .binaryAck:
            throw SocketFailure(.payload)
        }
    }

    private static func object(_ data: SocketValue?) throws(SocketFailure) -> ByteBuffer? {
        guard let data, !data.isNull else { return nil }
        guard case .object = data else { throw SocketFailure(.payload) }
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        data.writeJSON(into: &json, attachments: &attachments)
        return json
    }
}
