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
    /// Packets of one poll's answer to clients that refuse more, which python-engineio does beyond 16; 2 or more. All answers
    /// are bounded by ``maximumPayloadBytes``.
    public var maximumPacketsPerPoll = 16
    /// Which clients ``maximumPacketsPerPoll`` is for.
    public var packetCap = PacketCap.python
    /// How long a new session that polls may take until its first poll or upgrade.
    public var firstPollTimeout: TimeAmount = .seconds(5)
    /// How long a session that the server closes waits for the poll that is told so.
    public var closeTimeout: TimeAmount = .seconds(30)
    /// How long a session that its client has closed is known to a poll that was on its way.
    public var farewellTime: TimeAmount = .seconds(2)

    /// Whom the number of packets in an answer is bounded for.
    public enum PacketCap: String, Sendable, CaseIterable {
        case everybody = "all"
        /// Clients that may be python-engineio: their requests come from `python-requests` or `aiohttp`.
        case python
        case nobody = "none"

        /// - Parameter userAgent: As the request that opens the session has it.
        public func concerns(userAgent: String?) -> Bool {
            switch self {
            case .everybody: return true
            case .nobody: return false
            case .python:
                let agent = userAgent?.lowercased() ?? ""
                return agent.contains("python-requests") || agent.contains("aiohttp")
            }
        }
    }

    public init() {}
}
