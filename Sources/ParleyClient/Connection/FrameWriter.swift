internal import NIOCore
internal import WebSocketProtocol

/// Turns messages into masked frames, compressed when that was agreed on.
struct FrameWriter {
    /// Shorter messages are sent as they are, unless later ones may refer back to them: deflating saves nothing there.
    static let compressionThreshold = 64

    private enum Compression {
        case none
        case each(SharedDeflater, windowBits: Int)
        case context(ContextDeflater)
    }

    private let compression: Compression
    private var random = SystemRandomNumberGenerator()

    init(compression: PerMessageDeflate?) {
        guard let compression else {
            self.compression = .none
            return
        }
        let windowBits = compression.windowBits(sender: .client)
        self.compression =
            compression.keepsContext(sender: .client)
            ? .context(ContextDeflater(windowBits: windowBits)) : .each(SharedDeflater(), windowBits: windowBits)
    }

    mutating func write(_ kind: WebSocketMessageKind, _ payload: ByteBuffer, into wire: inout ByteBuffer) {
        var compressed = ByteBuffer()
        switch self.compression {
        case .each(let deflater, let windowBits) where payload.readableBytes >= Self.compressionThreshold:
            deflater.compress(payload, windowBits: windowBits, into: &compressed)
        case .context(let deflater):
            deflater.compress(payload, into: &compressed)
        case .none, .each:
            return WebSocketFrame.write(kind.opcode, payload: payload, mask: self.random.next(), into: &wire)
        }
        WebSocketFrame.write(kind.opcode, payload: compressed, compressed: true, mask: self.random.next(), into: &wire)
    }

    mutating func write(control opcode: WebSocketOpcode, _ payload: ByteBuffer, into wire: inout ByteBuffer) {
        WebSocketFrame.write(opcode, payload: payload, mask: self.random.next(), into: &wire)
    }

    mutating func writeClose(_ code: WebSocketCloseCode?, reason: String, into wire: inout ByteBuffer) {
        WebSocketFrame.writeClose(code: code, reason: reason, mask: self.random.next(), into: &wire)
    }
}

@available(*, unavailable)
extension FrameWriter: Sendable {}
