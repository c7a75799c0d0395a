internal import NIOCore

/// Why an Engine.IO session ended, in the words of the reference.
public enum EngineCloseReason: String, Sendable, Equatable {
    /// The transport was closed: a `1` packet, a WebSocket close frame, or the end of the TCP connection.
    case transportClose = "transport close"
    /// The transport was misused or broke: overlapping requests, a dropped poll, a message over the limit.
    case transportError = "transport error"
    case pingTimeout = "ping timeout"
    case parseError = "parse error"
    /// The server closed the session because the client broke a rule of Socket.IO.
    case forcedClose = "forced close"
    /// The application closed the session.
    case forcedServerClose = "forced server close"
    case shutdown = "server shutting down"
    /// More waits for the client than it may have waiting (ours; the reference has no bound).
    case slowConsumer = "slow consumer"

    /// Whether a client that polls is told at its next poll: where the server decided to close, rather than something failed.
    public var isTold: Bool { self == .forcedClose || self == .forcedServerClose || self == .slowConsumer }

    /// The close packet. What stands in it is for people; clients do not care. Only what the client could not guess is said.
    var packet: EnginePacket {
        EnginePacket(.close, ByteBuffer(string: self == .slowConsumer ? self.rawValue : ""))
    }
}
