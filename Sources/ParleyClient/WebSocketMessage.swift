public import NIOCore
public import WebSocketProtocol

/// A message of the server: text, or bytes.
public enum WebSocketMessage: Sendable, Equatable {
    case text(String)
    case binary(ByteBuffer)
}

/// A control frame that came from the server. The client has answered it already, where an answer is due.
public enum WebSocketControlEvent: Sendable, Equatable {
    case ping(ByteBuffer)
    /// The answer to a ping of ours, or an unasked one (RFC 6455 §5.5.3).
    case pong(ByteBuffer)
    /// The server closes; the code is `nil` when its close frame had none.
    case close(WebSocketCloseCode?, reason: String)
}
