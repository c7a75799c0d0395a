public import EngineIO
public import ParleyDialects
public import ParleyHub
package import ParleyModel

/// What the event gateway is told. Source: event gateway specification, *Configuration*.
public struct GatewayConfiguration: Sendable {
    public var isEnabled = true
    /// What it calls itself.
    public var name = "Realtime Session Server"
    public var version = "0.1.0"
    /// Where the port of its REST API takes native WebSocket connections.
    public var webSocketPath = "/ws"
    /// Seconds that a session is valid.
    public var sessionTTL = 2_592_000
    /// Origins of pages that may use REST and long-polling, with their cookies; `*` admits all, without.
    public var corsOrigins = ["http://localhost:5173", "http://localhost:8100"]
    /// Whether pages of this machine may, whatever port they come from.
    public var admitsLocalOrigins = false
    /// No CORS headers at all, for proxies that add their own.
    public var isCORSDisabled = false
    /// Who may link users to sessions and emit events; `nil`: nobody.
    public var adminToken: String?
    public var docsUser = "admin"
    /// `nil`: there is no API documentation, unless it is open.
    public var docsPassword: String?
    /// Whether the API documentation is there without a password, as long as none is set.
    public var opensDocumentation = false
    /// In production there is no API documentation.
    public var isProduction = false
    /// Events a second of one client; 0: no limit.
    public var rateLimitEvents = 0
    /// Whose answers to polls of Socket.IO hold no more packets than python-socketio takes.
    public var packetCap = EngineConfiguration.PacketCap.python
    /// Where Swagger UI's own files are; `nil`: a page of ours shows the documentation.
    public var swaggerDirectory: String?
    /// `nil`: memory.
    public var sessions: (any SessionStore)?
    /// `nil`: the built-in reply.
    public var chat: (any ChatProvider)?

    public init() {}

    package var origins: OriginList { OriginList(self.corsOrigins, admitsLocal: self.admitsLocalOrigins) }
}
