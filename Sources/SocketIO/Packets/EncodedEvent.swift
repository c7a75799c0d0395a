public import NIOCore
internal import ParleyModel

/// An event as it is written, but for what differs from one receiver to the next: namespace, acknowledgement and offset. What a
/// log keeps of an event.
public struct EncodedEvent: Sendable, Equatable {
    private let parser: SocketParser
    /// Name and arguments. With the JSON parser, what stands between the brackets; with the msgpack parser, one behind the other.
    private let elements: ByteBuffer
    private let count: Int
    private let attachments: [ByteBuffer]

    public init(_ name: String, _ arguments: SocketArguments, parser: SocketParser) {
        var elements = ByteBufferAllocator().buffer(capacity: 128)
        var attachments: [ByteBuffer] = []
        switch parser {
        case .json:
            elements.writeJSONString(name)
            if !arguments.isEmpty { elements.writeInteger(UInt8(ascii: ",")) }
            arguments.write(into: &elements, attachments: &attachments)
        case .messagePack:
            MessagePack.write(.string(name), into: &elements)
            for value in arguments.values { MessagePack.write(value, into: &elements) }
        }
        self.parser = parser
        self.elements = elements
        self.count = arguments.count + 1
        self.attachments = attachments
    }

    /// - Parameters: As of ``SocketParser/event(_:_:namespace:id:offset:)``, which writes the same.
    public func packet(namespace: String, id: UInt64? = nil, offset: String? = nil) -> EncodedPacket {
        switch self.parser {
        case .json:
            return JSONPacketWriter.packet(.event, namespace: namespace, id: id) { json, attachments in
                json.writeInteger(UInt8(ascii: "["))
                json.writeImmutableBuffer(self.elements)
                if let offset {
                    json.writeInteger(UInt8(ascii: ","))
                    json.writeJSONString(offset)
                }
                json.writeInteger(UInt8(ascii: "]"))
                attachments = self.attachments
            }
        case .messagePack:
            return MessagePackPacket.event(
                namespace: namespace,
                id: id,
                elements: self.elements,
                count: self.count,
                offset: offset
            )
        }
    }

    /// As a client would read them: parsed anew, for those who look into what is passed on.
    public var nameAndArguments: (name: String, arguments: SocketArguments)? {
        let packet = self.packet(namespace: "/")
        let event: SocketPacket?
        switch self.parser {
        case .json:
            var limits = SocketPacketDecoder.Limits()
            limits.maximumAttachments = .max
            var decoder = SocketPacketDecoder(limits: limits)
            var text = packet.text ?? ByteBuffer()
            // The type of Engine.IO's packet.
            text.moveReaderIndex(forwardBy: min(1, text.readableBytes))
            var read = try? decoder.receive(text: text)
            for attachment in packet.attachments { read = try? decoder.receive(binary: attachment) }
            event = read
        case .messagePack:
            event = packet.attachments.first.flatMap { try? MessagePackPacket.parse($0) }
        }
        guard case .event(let name, let arguments, _)? = event?.content else { return nil }
        return (name, arguments)
    }
}

extension EncodedEvent {
    /// Appends it, to be read by ``init(reading:)``.
    public func write(into bytes: inout ByteBuffer) {
        bytes.writeInteger(UInt8(self.parser == .json ? 0 : 1))
        bytes.writeInteger(UInt32(self.count))
        bytes.writePrefixed(self.elements)
        bytes.writeInteger(UInt32(self.attachments.count))
        for attachment in self.attachments { bytes.writePrefixed(attachment) }
    }

    /// - Returns: `nil` when that is not what stands there.
    public init?(reading bytes: inout ByteBuffer) {
        guard let kind = bytes.readInteger(as: UInt8.self), kind <= 1,
            let count = bytes.readInteger(as: UInt32.self), let elements = bytes.readPrefixed(),
            let attachmentCount = bytes.readInteger(as: UInt32.self)
        else { return nil }
        var attachments: [ByteBuffer] = []
        for _ in 0..<attachmentCount {
            guard let attachment = bytes.readPrefixed() else { return nil }
            attachments.append(attachment)
        }
        self.parser = kind == 0 ? .json : .messagePack
        self.elements = elements
        self.count = Int(count)
        self.attachments = attachments
    }
}

extension ByteBuffer {
    fileprivate mutating func writePrefixed(_ bytes: ByteBuffer) {
        self.writeInteger(UInt32(bytes.readableBytes))
        self.writeImmutableBuffer(bytes)
    }

    fileprivate mutating func readPrefixed() -> ByteBuffer? {
        self.readInteger(as: UInt32.self).flatMap { self.readSlice(length: Int($0)) }
    }
}
