/// Which end of the connection we are. It decides who masks: clients always, servers never (RFC 6455 §5.1).
public enum WebSocketRole: Sendable {
    case server
    case client
}

/// What a message carries: UTF-8 text or bytes (RFC 6455 §5.6).
public enum WebSocketMessageKind: UInt8, Sendable {
    case text = 1
    case binary = 2

    /// The opcode of the message's first frame.
    @inlinable
    public var opcode: WebSocketOpcode { self == .text ? .text : .binary }
}

/// The four-bit frame type of RFC 6455 §5.2. The values left out are reserved and fail the connection.
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Close, ping and pong: at most 125 bytes, never fragmented, allowed between the fragments of a message (§5.5).
    @inlinable
    public var isControl: Bool { self.rawValue & 0x8 != 0 }
}
