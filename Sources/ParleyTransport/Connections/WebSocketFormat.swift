package import NIOCore
internal import NIOPosix
internal import ParleyHub
package import ParleyModel
internal import WebSocketProtocol

/// A dialect's messages in WebSocket frames, compressed or not: encoded once per event for all connections that share it.
final class WebSocketFormat<Encoder: DialectEncoder>: WireFormat {
    let dialect: DialectName
    fileprivate let encoder: Encoder
    /// The LZ77 window agreed on, or `nil` without compression.
    private let windowBits: Int?

    init(encoder: Encoder, dialect: DialectName, windowBits: Int?) {
        self.encoder = encoder
        self.dialect = dialect
        self.windowBits = windowBits
    }

    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer) {
        self.frame(into: &wire) { self.encoder.encode(event, in: topic, into: &$0) }
    }

    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer) {
        self.frame(into: &wire) { self.encoder.encodeWelcome(for: member, in: topic, into: &$0) }
    }

    fileprivate func frame(into wire: inout ByteBuffer, _ write: (inout ByteBuffer) -> MessageKind?) {
        let tools = LoopTools.current
        tools.withScratch { message in
            guard let kind = write(&message) else { return }
            tools.writeFrame(kind, message, windowBits: self.windowBits, into: &wire)
        }
    }
}

extension WebSocketFormat: SnapshotFormat where Encoder: SnapshotEncoder {
    func encodeLine(_ publication: Publication, into lines: inout ByteBuffer) {
        self.encoder.encodeLine(publication, into: &lines)
    }

    func encodeSnapshot(of topic: some TopicView, lines: ByteBuffer, into wire: inout ByteBuffer) {
        self.frame(into: &wire) { self.encoder.encodeSnapshot(of: topic, lines: lines, into: &$0) }
    }
}

/// What an event loop lends to whatever runs on it: zlib state and scratch memory, so that connections hold none.
package final class LoopTools {
    /// Messages below this are sent as they are: deflating them costs more than it saves.
    static let compressionThreshold = 64

    let inflater = SharedInflater()
    private let deflater = SharedDeflater()
    private var scratch = ByteBuffer()

    private init() {}

    /// The tools of the present thread.
    package static var current: LoopTools {
        if let tools = Self.byThread.currentValue { return tools.value }
        let tools = LoopTools()
        Self.byThread.currentValue = Confined(value: tools)
        return tools
    }

    private static let byThread = ThreadSpecificVariable<Confined>()

    /// Unchecked: never leaves its thread, stored and read through a thread-specific variable only.
    private final class Confined: @unchecked Sendable {
        let value: LoopTools
        init(value: LoopTools) { self.value = value }
    }

    /// Calls `body` with an empty buffer that keeps its storage from one call to the next.
    package func withScratch(_ body: (inout ByteBuffer) -> Void) {
        var scratch = ByteBuffer()
        swap(&scratch, &self.scratch)
        scratch.clear()
        body(&scratch)
        if scratch.capacity <= 1 << 20 { swap(&scratch, &self.scratch) }
    }

    /// Appends one frame with the whole of `message`.
    package func writeFrame(_ kind: MessageKind, _ message: ByteBuffer, windowBits: Int?, into wire: inout ByteBuffer) {
        let opcode: WebSocketOpcode = kind == .text ? .text : .binary
        guard let windowBits, message.readableBytes >= Self.compressionThreshold else {
            WebSocketFrame.write(opcode, payload: message, into: &wire)
            return
        }
        var compressed = ByteBufferAllocator().buffer(capacity: message.readableBytes)
        self.deflater.compress(message, windowBits: windowBits, into: &compressed)
        WebSocketFrame.write(opcode, payload: compressed, compressed: true, into: &wire)
    }
}
