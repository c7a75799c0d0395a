public import NIOCore

/// What waits for the next poll of a session: whole packets in their order, bounded by whoever fills it.
public struct PollingOutbox: Sendable {
    /// How much one response may hold; a packet that is larger by itself goes alone.
    public struct Limit: Equatable, Sendable {
        public var packets: Int
        public var bytes: Int

        public init(packets: Int = .max, bytes: Int = .max) {
            self.packets = packets
            self.bytes = bytes
        }

        public static let none = Limit()
    }

    /// Packets, each followed by ``PollingPayload/separator``.
    private var wire = ByteBuffer()
    /// A ping or pong, written in the same way: it does not wait behind the others.
    private var heartbeat = ByteBuffer()

    public init() {}

    public var isEmpty: Bool { self.byteCount == 0 }
    public var byteCount: Int { self.wire.readableBytes + self.heartbeat.readableBytes }

    /// Appends packets as ``PollingPayload`` writes them.
    public mutating func append(_ packets: UnsafeRawBufferPointer) {
        self.wire.writeBytes(packets)
    }

    public mutating func append(_ packets: ByteBuffer) {
        self.wire.writeImmutableBuffer(packets)
    }

    public mutating func append(_ packet: EnginePacket) {
        PollingPayload.write(packet.kind, packet.payload, into: &self.wire)
    }

    public mutating func append(_ kind: EnginePacket.Kind) {
        PollingPayload.write(kind, into: &self.wire)
    }

    /// Puts a ping or pong into the next response, however much waits. It takes the place of one that nobody has fetched yet.
    public mutating func putHeartbeat(_ kind: EnginePacket.Kind, _ payload: ByteBuffer? = nil) {
        self.heartbeat.clear()
        PollingPayload.write(kind, payload, into: &self.heartbeat)
    }

    /// Takes the body of one response out; never empty, as JavaScript clients take an empty body for a broken packet.
    public mutating func takeBody(_ limit: Limit) -> ByteBuffer {
        guard var body = self.take(limit) else { return ByteBuffer(string: "6") }
        body.moveWriterIndex(to: body.writerIndex - 1)
        return body
    }

    /// Takes packets out, for a transport that encodes them in its own way.
    public mutating func takePackets(_ limit: Limit = .none) -> [EnginePacket] {
        guard var body = self.take(limit) else { return [] }
        body.moveWriterIndex(to: body.writerIndex - 1)
        var reader = PollingPayloadReader(body)
        var packets: [EnginePacket] = []
        // What stands here was written by us.
        while let packet = try? reader.next() { packets.append(packet) }
        return packets
    }

    /// Whole packets with the separators behind them; `nil` when there are none.
    private mutating func take(_ limit: Limit) -> ByteBuffer? {
        guard !self.isEmpty else { return nil }
        var limit = limit
        if !self.heartbeat.isEmpty { limit.packets = max(1, limit.packets - 1) }
        let end = self.wire.isEmpty ? self.wire.readerIndex : self.end(limit)
        var taken = self.wire.readSlice(length: end - self.wire.readerIndex) ?? ByteBuffer()
        // Not kept: a burst must not cost its size for ever.
        if self.wire.isEmpty { self.wire = ByteBuffer() } else { self.wire.discardReadBytesIfWorthwhile() }
        self.insertHeartbeat(into: &taken)
        return taken
    }

    /// Where the packets of the next response end.
    private func end(_ limit: Limit) -> Int {
        let view = self.wire.readableBytesView
        if limit.packets == .max, view.count <= limit.bytes { return view.endIndex }
        var end = view.startIndex
        var count = 0
        while count < limit.packets, let separator = view[end...].firstIndex(of: PollingPayload.separator) {
            if count > 0, separator + 1 - view.startIndex > limit.bytes { break }
            end = separator + 1
            count += 1
        }
        return self.endOfGroup(before: end)
    }

    /// Attachments stay with the packet that announces them, if there is anything else to send.
    private func endOfGroup(before end: Int) -> Int {
        let view = self.wire.readableBytesView
        guard end < view.endIndex, Self.isBinary(view[end]) else { return end }
        var start = end
        while start > view.startIndex {
            start = view[..<(start - 1)].lastIndex(of: PollingPayload.separator).map { $0 + 1 } ?? view.startIndex
            if !Self.isBinary(view[start]) { break }
        }
        return start > view.startIndex ? start : end
    }

    /// At the beginning; but behind attachments whose packet went with the last response, for nothing may come between them.
    private mutating func insertHeartbeat(into taken: inout ByteBuffer) {
        guard !self.heartbeat.isEmpty else { return }
        let view = taken.readableBytesView
        var place = view.startIndex
        while place < view.endIndex, Self.isBinary(view[place]),
            let separator = view[place...].firstIndex(of: PollingPayload.separator)
        { place = separator + 1 }
        if place == view.endIndex, let next = self.wire.readableBytesView.first, Self.isBinary(next), place > 0 {
            return
        }
        var body = ByteBuffer()
        body.reserveCapacity(taken.readableBytes + self.heartbeat.readableBytes)
        body.writeBytes(view[..<place])
        body.writeImmutableBuffer(self.heartbeat)
        body.writeBytes(view[place...])
        taken = body
        self.heartbeat = ByteBuffer()
    }

    private static func isBinary(_ first: UInt8) -> Bool { first == UInt8(ascii: "b") }
}

extension ByteBuffer {
    fileprivate var isEmpty: Bool { self.readableBytes == 0 }

    /// What never becomes empty must not keep all that it ever held.
    fileprivate mutating func discardReadBytesIfWorthwhile() {
        if self.readerIndex > 1 << 16, self.readerIndex > self.readableBytes { self.discardReadBytes() }
    }
}
