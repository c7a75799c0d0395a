import NIOCore
import WebSocketProtocol

/// Frames as clients send them: masked.
enum ClientFrame {
    static func text(_ text: String, fin: Bool = true) -> ByteBuffer { self.frame(.text, Array(text.utf8), fin: fin) }

    static func binary(_ count: Int, fin: Bool = true) -> ByteBuffer {
        self.frame(.binary, Array(repeating: 7, count: count), fin: fin)
    }

    static func continuation(_ text: String, fin: Bool) -> ByteBuffer {
        self.frame(.continuation, Array(text.utf8), fin: fin)
    }

    static func ping(_ text: String = "") -> ByteBuffer { self.frame(.ping, Array(text.utf8)) }
    static func pong(_ text: String = "") -> ByteBuffer { self.frame(.pong, Array(text.utf8)) }

    /// - Parameter code: `nil` for a frame without payload.
    static func close(_ code: UInt16?) -> ByteBuffer {
        self.frame(.close, code.map { [UInt8($0 >> 8), UInt8($0 & 0xff)] } ?? [])
    }

    /// A text message of `count` letters, deflated.
    static func deflated(_ count: Int) -> ByteBuffer {
        var payload = ByteBuffer()
        SharedDeflater().compress(ByteBuffer(repeating: UInt8(ascii: "a"), count: count), into: &payload)
        return self.frame(.text, Array(payload.readableBytesView), compressed: true)
    }

    /// The beginning of a text message, in so many frames.
    static func fragments(_ count: Int) -> ByteBuffer {
        self.joined([self.text("a", fin: false)] + (1..<count).map { _ in self.continuation("a", fin: false) })
    }

    static func joined(_ frames: [ByteBuffer]) -> ByteBuffer {
        var bytes = ByteBuffer()
        for frame in frames { bytes.writeImmutableBuffer(frame) }
        return bytes
    }

    /// A frame that breaks the rule that clients mask (RFC 6455 §5.1).
    static let unmasked = ByteBuffer(bytes: [0x81, 0x01, UInt8(ascii: "x")])

    private static func frame(
        _ opcode: WebSocketOpcode,
        _ payload: [UInt8],
        fin: Bool = true,
        compressed: Bool = false
    ) -> ByteBuffer {
        var bytes = ByteBuffer()
        WebSocketFrame.write(
            opcode,
            bytes: payload,
            fin: fin,
            compressed: compressed,
            mask: 0x37fa_213d,
            into: &bytes
        )
        return bytes
    }
}

extension ByteBuffer {
    /// The first `count` bytes, and the others.
    func cut(at count: Int) -> (ByteBuffer, ByteBuffer) {
        var rest = self
        let first = rest.readSlice(length: count) ?? ByteBuffer()
        return (first, rest)
    }
}
