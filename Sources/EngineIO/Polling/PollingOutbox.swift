public import NIOCore

/// What waits for the next poll of a session: whole packets in their order, bounded by whoever fills it.
public struct PollingOutbox: Sendable {
    /// Packets, each followed by ``PollingPayload/separator``.
    private var wire = ByteBuffer()

    public init() {}

    public var isEmpty: Bool { self.wire.readableBytes == 0 }
    public var byteCount: Int { self.wire.readableBytes }

    /// Appends packets as ``PollingPayload`` writes them.
    public mutating func append(_ packets: UnsafeRawBufferPointer) {
        self.wire.writeBytes(packets)
    }

    public mutating func append(_ packets: ByteBuffer) {
        self.wire.writeImmutableBuffer(packets)
    }

    public mutating func append(_ kind: EnginePacket.Kind, _ payload: ByteBuffer? = nil) {
        PollingPayload.write(kind, payload, into: &self.wire)
    }

    /// Takes the body of one response out: up to `maximumPackets` packets, never empty, as JavaScript clients take an empty
    /// body for a broken packet. python-engineio refuses bodies with more than 16 packets.
    public mutating func takeBody(maximumPackets: Int) -> ByteBuffer {
        guard var body = self.take(maximumPackets: maximumPackets) else { return ByteBuffer(string: "6") }
        body.moveWriterIndex(to: body.writerIndex - 1)
        return body
    }

    /// Takes packets out, for a transport that encodes them in its own way.
    public mutating func takePackets(maximumPackets: Int = .max) -> [EnginePacket] {
        guard var body = self.take(maximumPackets: maximumPackets) else { return [] }
        body.moveWriterIndex(to: body.writerIndex - 1)
        var reader = PollingPayloadReader(body)
        var packets: [EnginePacket] = []
        // What stands here was written by us.
        while let packet = try? reader.next() { packets.append(packet) }
        return packets
    }

    /// Whole packets with the separators behind them; `nil` when there are none.
    private mutating func take(maximumPackets: Int) -> ByteBuffer? {
        guard !self.isEmpty else { return nil }
        var end = self.wire.readerIndex
        var count = 0
        let view = self.wire.readableBytesView
        while count < maximumPackets, let separator = view[end...].firstIndex(of: PollingPayload.separator) {
            end = separator + 1
            count += 1
        }
        let taken = self.wire.readSlice(length: end - self.wire.readerIndex)
        // Not kept: a burst must not cost its size for ever.
        if self.wire.readableBytes == 0 { self.wire = ByteBuffer() }
        return taken
    }
}
