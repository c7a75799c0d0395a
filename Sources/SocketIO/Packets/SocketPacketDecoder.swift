public import NIOCore
internal import ParleyModel

/// Puts packets together from the messages of one connection: a text message is a packet or the head of one, binary messages
/// are its attachments.
///
/// Source: Socket.IO protocol, revision 5, "Packet encoding"; Socket.IO server specification §2.1 to §2.3.
public struct SocketPacketDecoder: Sendable {
    /// What may be sent before anything is allocated for it.
    public struct Limits: Sendable, Equatable {
        /// Binary attachments of one packet.
        public var maximumAttachments = 10
        /// Bytes of a namespace name.
        public var maximumNamespaceBytes = 512
        /// Nesting of the payload.
        public var maximumDepth = JSONDepth.maximum

        public init() {}
    }

    /// Revision 4 of Socket.IO (clients of version 2) differs in its CONNECT.
    public enum Revision: Sendable { case four, five }

    private struct Pending: Sendable {
        let namespace: String
        let id: UInt64?
        let isAck: Bool
        let json: ByteBuffer
        let count: Int
        var attachments: [ByteBuffer] = []
        /// Of all of it, in memory.
        var bytes = 0
    }

    let limits: Limits
    private let revision: Revision
    /// Boxed: almost no connection has one at a time, and every connection would hold room for it.
    private var pending: Box<Pending>?

    public init(limits: Limits = Limits(), revision: Revision = .five) {
        self.limits = limits
        self.revision = revision
    }

    /// What a packet or attachment costs in memory beside its bytes.
    private static let overhead = 128

    /// Whether attachments are awaited.
    public var isPending: Bool { self.pending != nil }

    /// Memory, in bytes, of a packet whose attachments have not all come.
    public var pendingBytes: Int { self.pending?.value.bytes ?? 0 }

    /// - Returns: The packet, or `nil` when its attachments are still to come.
    /// - Throws: ``SocketFailure``.
    public mutating func receive(text: ByteBuffer) throws(SocketFailure) -> SocketPacket? {
        guard self.pending == nil else { throw SocketFailure(.interleaved) }
        var header = try SocketPacketHeader(text, limits: self.limits)
        switch header.type {
        case .connect:
            if self.revision == .four { header.splitQuery() }
            return SocketPacket(
                namespace: header.namespace,
                content: .connect(auth: try header.objectIfAny(maximumDepth: self.limits.maximumDepth))
            )
        case .disconnect:
            guard header.json.readableBytes == 0 else { throw SocketFailure(.payload) }
            return SocketPacket(namespace: header.namespace, content: .disconnect)
        case .connectError:
            throw SocketFailure(.payload)
        case .event, .ack:
            return try Self.packet(header, limits: self.limits)
        case .binaryEvent, .binaryAck:
            guard header.attachments <= self.limits.maximumAttachments else { throw SocketFailure(.tooManyAttachments) }
            guard header.attachments > 0 else { return try Self.packet(header, limits: self.limits) }
            // Checked before anything is awaited for it.
            _ = try Self.packet(header, limits: self.limits)
            self.pending = Box(
                Pending(
                    namespace: header.namespace,
                    id: header.id,
                    isAck: header.type == .binaryAck,
                    json: header.json.detached(),
                    count: header.attachments,
                    bytes: header.json.readableBytes + Self.overhead
                )
            )
            return nil
        }
    }

    public mutating func receive(binary: ByteBuffer) throws(SocketFailure) -> SocketPacket? {
        guard let box = self.pending else { throw SocketFailure(.unexpectedBinary) }
        var pending = box.value
        pending.attachments.append(binary.detached())
        pending.bytes += binary.readableBytes + Self.overhead
        guard pending.attachments.count == pending.count else {
            self.pending = Box(pending)
            return nil
        }
        self.pending = nil
        return try Self.packet(pending, limits: self.limits)
    }

    private static func packet(_ header: SocketPacketHeader, limits: Limits) throws(SocketFailure) -> SocketPacket {
        let isAck = header.type == .ack || header.type == .binaryAck
        var first: JSONValue?
        var second: JSONValue?
        var count = 0
        do {
            try JSONScanner.scanArray(header.json, maximumDepth: limits.maximumDepth) { value in
                if count == 0 { first = value } else if count == 1 { second = value }
                count += 1
            }
        } catch {
            throw SocketFailure(error.reason == .notAnArray ? .payload : .malformed)
        }
        if isAck {
            guard let id = header.id else { throw SocketFailure(.payload) }
            let arguments = Self.arguments(header.json, from: first, count: count)
            return SocketPacket(namespace: header.namespace, content: .ack(arguments, id: id))
        }
        guard let first else { throw SocketFailure(.payload) }
        let name = try Self.eventName(first, in: header.json)
        let arguments = Self.arguments(header.json, from: second, count: count - 1)
        return SocketPacket(namespace: header.namespace, content: .event(name: name, arguments, id: header.id))
    }

    /// What stands from `first` to the closing bracket.
    private static func arguments(_ json: ByteBuffer, from first: JSONValue?, count: Int) -> SocketArguments {
        guard let first else { return .none }
        var rest = json
        rest.moveReaderIndex(forwardBy: first.range.lowerBound)
        // The array was scanned to its end: behind the last element stand spaces, the bracket, and spaces.
        while let last = rest.readableBytesView.last, last != UInt8(ascii: "]") {
            rest.moveWriterIndex(to: rest.writerIndex - 1)
        }
        rest.moveWriterIndex(to: rest.writerIndex - 1)
        return SocketArguments(raw: JSONScanner.compacted(rest), count: count)
    }

    private static func eventName(_ value: JSONValue, in json: ByteBuffer) throws(SocketFailure) -> String {
        switch value.kind {
        case .string:
            guard let name = JSONString.decodeName(value, in: json) else { throw SocketFailure(.payload) }
            guard !ReservedEvent.contains(name) else { throw SocketFailure(.reservedEvent) }
            return name
        case .number:
            return String(buffer: json.slice(of: value))
        default:
            throw SocketFailure(.payload)
        }
    }

    private static func packet(_ pending: Pending, limits: Limits) throws(SocketFailure) -> SocketPacket {
        var values: [SocketValue]
        do {
            let tree = try SocketValue(json: pending.json, maximumDepth: limits.maximumDepth)
            let whole = try tree.substitutingAttachments(
                pending.attachments,
                maximumUses: limits.maximumAttachments
            )
            guard case .array(let elements) = whole else { throw SocketFailure(.payload) }
            values = elements
        } catch is PlaceholderFailure {
            throw SocketFailure(.placeholder)
        } catch {
            throw SocketFailure(.malformed)
        }
        if pending.isAck, let id = pending.id {
            return SocketPacket(namespace: pending.namespace, content: .ack(SocketArguments(values), id: id))
        }
        return try SocketPacket(namespace: pending.namespace, eventWith: &values, id: pending.id)
    }
}

extension SocketPacket {
    /// An event whose name is the first of `values`.
    init(namespace: String, eventWith values: inout [SocketValue], id: UInt64?) throws(SocketFailure) {
        guard !values.isEmpty else { throw SocketFailure(.payload) }
        let name: String
        switch values.removeFirst() {
        case .string(let text): name = text
        case .int(let number): name = String(number)
        case .double(let number): name = String(number)
        default: throw SocketFailure(.payload)
        }
        guard !ReservedEvent.contains(name) else { throw SocketFailure(.reservedEvent) }
        self.init(namespace: namespace, content: .event(name: name, SocketArguments(values), id: id))
    }
}

/// How deep payloads may be nested.
public enum JSONDepth {
    /// More than applications need, and little enough for what walks trees by calling itself.
    public static let maximum = 256
}

final class Box<Value: Sendable>: Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

extension ByteBuffer {
    /// A copy that owns just its own bytes.
    func detached() -> ByteBuffer {
        var copy = ByteBufferAllocator().buffer(capacity: self.readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
