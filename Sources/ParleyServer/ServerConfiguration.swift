public import ParleyBackendsHTTP
public import ParleyDialects
public import ParleyGateway
public import ParleyHub
public import ParleyModel
public import ParleyTransport

/// Everything that a Parley server can be told, with the defaults of the specifications. Reads nothing from outside by itself.
public struct ServerConfiguration: Sendable {
    public typealias TLS = TLSFiles

    /// A port to listen on: which dialects are there depends on the listener.
    public struct Listener: Sendable {
        public enum Kind: String, Sendable {
            /// Every dialect, told apart by path and query.
            case frontDoor = "front door"
            /// REST and Socket.IO of the event gateway, native WebSocket at one path.
            case gateway = "event gateway"
            /// Both protocols of the event gateway, told apart by themselves.
            case gatewaySockets = "event gateway's sockets"
            case channelServer = "channel server"
            case disposableChat = "disposable chat"
            /// The issuing API of session chat alone.
            case issuer = "session chat issuing API"
            case backendsAPI = "session backends' API"
            case backendsProxy = "session backends' proxy"
        }

        public var kind: Kind
        /// 0: any free port.
        public var port: Int
        /// The setting that the port comes from, for messages about it.
        public var setting: String

        public init(_ kind: Kind, port: Int, setting: String) {
            self.kind = kind
            self.port = port
            self.setting = setting
        }

        var place: ListenerPlace { ListenerPlace(name: self.kind.rawValue, port: self.port, setting: self.setting) }
    }

    public struct SessionChat: Sendable {
        public var rooms = SessionChatConfiguration()
        /// `nil` switches session chat off.
        public var authenticator: (any Authenticator)?
        public var checksHost = true
        public var maximumFrameBytes = 65_536
        public var history = HistoryPolicy(limit: 100)
        /// Seconds that an empty room keeps its history.
        public var roomIdleTimeout: Double = 300
        /// Live rooms of this process; 0: no limit.
        public var roomsPerProcess = 0
        public var isIssuerEnabled = true
        public var tokenLifetime = 86_400
        public var serverHosts: String?
        public var corsOrigin: String?
        public var pingInterval: Double = 30
    }

    public struct DisposableChat: Sendable {
        public var isEnabled = true
        public var rooms = DisposableChatConfiguration()
        public var acceptedOrigin = ""
        public var maximumMessageBytes = 4096
        public var maximumQueuedMessages = 1024
        public var pingPeriod: Double = 54
        public var pongWait: Double = 60
    }

    public struct ChannelServer: Sendable {
        public var isEnabled = true
        public var channels = ChannelServerConfiguration()
        /// The path on the dedicated listener is any; this one is added on the front door, beside `/channels`.
        public var path = "/"
        public var idleTimeout: Double = 600
        public var maximumLifetime: Double = 7200
        public var maximumMessageBytes = 131_072
        /// 0: off.
        public var maximumFrameBytes = 0
        /// Seconds between protocol pings; 0: off, as API Gateway.
        public var serverPing: Double = 0
        public var management = ManagementAuthorization.off
        /// The token for `GET /connections`.
        public var adminToken: String?
    }

    public struct Relay: Sendable {
        public enum Access: Sendable {
            case closed
            case open
            case token
        }

        public var access = Access.closed
        public var maximumMessageBytes = 1 << 20
        public var pingInterval: Double = 30
        /// Whether permessage-deflate is accepted when a client offers it.
        public var compresses = true
    }

    public var listeners: [Listener] = [Listener(.frontDoor, port: 8000, setting: "PARLEY_PORT")]
    /// The address to bind; `nil`: all interfaces.
    public var host: String?
    /// Whether ``host`` is this machine alone, by either family: each listener is at 127.0.0.1 and at ::1, as `localhost` is one or the
    /// other to clients. Where there is no IPv6, it is at 127.0.0.1.
    public var bindsBothLoopbacks = false
    public var tls: TLSFiles?
    /// 0: one per core.
    public var eventLoops = 0
    /// Where rooms keep what was said in them, so that it outlives the process; `nil`: in memory alone.
    public var histories: (any HistoryStore)?
    /// Names of spaces that several dialects share.
    public var spaces: [ExactString: [DialectName]] = [:]
    /// Origins of pages that may use the HTTP APIs, with their cookies, comma-separated; `*` admits all, without.
    public var corsOrigin: String?
    /// Peers that are believed when they say where the client is.
    public var trustedProxies = TrustedProxies.none
    /// Whether pages of this machine may, and may connect, whatever port they come from.
    public var admitsLocalOrigins = false

    public var sessionChat = SessionChat()
    public var disposableChat = DisposableChat()
    public var channelServer = ChannelServer()
    public var relay = Relay()
    public var gateway = GatewayConfiguration()
    public var backends = BackendsConfiguration()
    /// What the gateway does with events; handlers that are put here before the start take the place of its own.
    public var events = EventRouter()

    /// WebSocket connections of this process; 0: no limit but open files.
    public var maximumConnections = 0
    /// The same from one address; 0: no limit.
    public var maximumConnectionsPerAddress = 0
    /// Sessions of Socket.IO and Engine.IO that poll; 0: no limit. They take no place from WebSocket connections.
    public var maximumPollingSessions = 8000
    /// The same from one address; 0: no limit.
    public var maximumPollingSessionsPerAddress = 2000
    /// Bytes that may wait for one slow reader.
    public var backlogBytes = 1 << 20
    /// Bytes that may wait for all slow readers together.
    public var processBacklogBytes = 1 << 30
    /// How a peer that is gone without a word is noticed; `nil`: not by this.
    public var keepAlive: KeepAlive? = KeepAlive()
    /// Bytes that the histories of all rooms may have together.
    public var historyBytes = 128 << 20
    /// Seconds for a request head to arrive.
    public var headerTimeout: Double = 10
    /// Seconds that an unfinished frame, message, packet or body may go without progress.
    public var frameTimeout: Double = 30
    /// Seconds that clients get to say goodbye when the server stops.
    public var shutdownGrace: Double = 10

    /// What became of the log's lines, for `/metrics`; `nil`: not shown there.
    public var logCounts: (@Sendable () -> LogCounts)?

    public var wallTime: @Sendable () -> WallTime

    public init(wallTime: @escaping @Sendable () -> WallTime) {
        self.wallTime = wallTime
    }

    /// With the time of the system's clock.
    public init() {
        self.init(wallTime: WallTime.now)
    }

    var origins: OriginList { OriginList(setting: self.corsOrigin, admitsLocal: self.admitsLocalOrigins) }
    /// For the issuing API.
    var issuerOrigins: OriginList {
        OriginList(setting: self.sessionChat.corsOrigin ?? self.corsOrigin, admitsLocal: self.admitsLocalOrigins)
    }
}

/// Lines that are not in the log, though they were logged.
public struct LogCounts: Sendable {
    /// Because the log could not be written, or not as fast.
    public var dropped: Int
    /// Because there were too many like them.
    public var suppressed: Int

    public init(dropped: Int, suppressed: Int) {
        self.dropped = dropped
        self.suppressed = suppressed
    }
}
