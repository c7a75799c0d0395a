public import NIOCore

/// What an Engine.IO server offers and tolerates; the defaults are those of the reference.
public struct EngineConfiguration: Sendable {
    public enum Transport: String, Sendable, CaseIterable {
        case polling
        case webSocket = "websocket"
    }

    public var transports: Set<Transport> = [.polling, .webSocket]
    /// Whether sessions that began with polling may go on over WebSocket.
    public var allowsUpgrades = true
    /// Whether clients of revision 3 (Socket.IO 2) are served.
    public var allowsRevision3 = false
    /// From a client's pong to the next ping.
    public var pingInterval: TimeAmount = .milliseconds(25_000)
    /// How long a pong may take. Must cover a client that is busy uploading.
    public var pingTimeout: TimeAmount = .milliseconds(20_000)
    /// How long an upgrade may take from its WebSocket handshake to its last step.
    public var upgradeTimeout: TimeAmount = .milliseconds(10_000)
    /// Bytes of a request body or WebSocket message (`maxHttpBufferSize`); told to clients as `maxPayload`.
    public var maximumPayloadBytes = 1_000_000
    /// Packets of one poll's answer: python-engineio disconnects beyond 16.
    public var maximumPacketsPerPoll = 16
    /// How long a session that the server closes waits for the poll that is told so.
    public var closeTimeout: TimeAmount = .seconds(30)

    public init() {}
}
