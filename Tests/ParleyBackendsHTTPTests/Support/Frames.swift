import NIOCore
import WebSocketProtocol

/// Frames as clients and backends send them.
enum Frames {
    static func client(_ text: String, _ opcode: WebSocketOpcode = .text) -> ByteBuffer {
        var bytes = ByteBuffer()
        WebSocketFrame.write(opcode, bytes: text.utf8, mask: 0x5566_7788, into: &bytes)
        return bytes
    }

    static func server(_ text: String, _ opcode: WebSocketOpcode = .text) -> ByteBuffer {
        var bytes = ByteBuffer()
        WebSocketFrame.write(opcode, bytes: text.utf8, into: &bytes)
        return bytes
    }

    static func close(_ code: UInt16, _ reason: String = "", mask: UInt32? = nil) -> ByteBuffer {
        var bytes = ByteBuffer()
        WebSocketFrame.writeClose(code: .init(rawValue: code), reason: reason, mask: mask, into: &bytes)
        return bytes
    }

    /// How a resumable socket asks a backend what it has read.
    static func probe(_ number: Int) -> ByteBuffer {
        var bytes = ByteBuffer()
        WebSocketFrame.write(.ping, bytes: "parley resume \(number)".utf8, mask: 0, into: &bytes)
        return bytes
    }
}
