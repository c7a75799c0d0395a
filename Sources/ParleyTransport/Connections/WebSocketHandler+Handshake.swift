internal import NIOCore
internal import WebSocketProtocol

extension WebSocketHandler {
    /// The answer that ends HTTP on the connection (RFC 6455 §4.2.2).
    static func answer(to key: String, extensions: String?) -> ByteBuffer {
        var answer = ByteBufferAllocator().buffer(capacity: 256)
        answer.writeStaticString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        answer.writeStaticString("Sec-WebSocket-Accept: ")
        answer.writeString(WebSocketHandshake.acceptValue(forKey: key))
        if let extensions {
            answer.writeStaticString("\r\nSec-WebSocket-Extensions: ")
            answer.writeString(extensions)
        }
        answer.writeStaticString("\r\n\r\n")
        return answer
    }
}
