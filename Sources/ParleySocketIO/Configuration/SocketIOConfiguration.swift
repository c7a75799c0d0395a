public import EngineIO
public import NIOCore
public import ParleyModel
public import SocketIO

/// What a Socket.IO server is told; the defaults are those of the reference.
public struct SocketIOConfiguration: Sendable {
    /// Where it is reached: requests whose path begins with this and a slash.
    public var path = "/socket.io"
    /// Whether the slash behind ``path`` is required.
    public var addsTrailingSlash = true
    /// Transports, heartbeat, limits.
    public var engine = EngineConfiguration()
    /// How packets are written; clients must be built with the same parser.
    public var parser = SocketParser.json
    /// What packets may hold.
    public var packets = SocketPacketDecoder.Limits()
    /// A connection that has joined no namespace by then is closed.
    public var connectTimeout: TimeAmount = .milliseconds(45_000)
    /// How long a packet may wait for its attachments without one of at least 1 KiB, or the last.
    public var attachmentTimeout: TimeAmount = .seconds(30)
    /// Namespaces that one connection may join.
    public var maximumNamespacesPerConnection = 100
    /// Rooms that one socket may be in, its own not counted.
    public var maximumRoomsPerSocket = 10_000
    /// Which pages of other origins may use long-polling; WebSockets are not subject to it.
    public var cors: CORSPolicy?
    /// Origins of pages that may connect at all, WebSockets included; `nil`: any. Clients that send no Origin always may.
    public var allowedOrigins: Set<String>?
    /// A cookie with the session's id, for load balancers; `nil`: none.
    public var cookie: SessionCookie?
    public var recovery: ConnectionStateRecovery = .disabled
    /// Whether a child of a parent namespace is forgotten when its last socket leaves.
    public var cleansUpEmptyChildNamespaces = false
    /// Whether permessage-deflate is accepted when a client offers it.
    public var compressesWebSocket = false
    /// WebSocket messages and poll answers below this many bytes are not compressed.
    public var compressionThreshold = 1024
    /// Whether poll answers are compressed for clients that accept gzip.
    public var compressesPolling = true
    /// Bytes that may wait for one client; a client that has more waiting and takes nothing for ``stallTime`` is closed, for
    /// ``DisconnectReason/slowConsumer``. Until it is set, eight times what a message may have.
    public var maximumQueuedBytes: Int {
        get { self.queuedBytes ?? 8 * self.engine.maximumPayloadBytes }
        set { self.queuedBytes = newValue }
    }
    private var queuedBytes: Int?
    /// How long a client with more than ``maximumQueuedBytes`` waiting may take nothing: over long-polling, not fetch an answer.
    public var stallTime: TimeAmount = .seconds(5)
    /// When the server stops, connections are closed spread over this time, so that clients do not return all at once.
    public var shutdownSpread: TimeAmount = .seconds(1)
    /// A directory with the client's bundles (`socket.io.min.js` and the like), served below ``path``; `nil`: none is.
    public var clientDirectory: String?
    /// Names of namespaces that mean another one: clients told a URL with a path take the path for a namespace.
    public var namespaceAliases: [String: String] = [:]
    /// Cleared by nobody but the application: what it wants asked and told.
    public var hooks = SocketIOHooks()

    public init() {}
}

/// Whether a client that lost its connection may have its socket back.
public struct ConnectionStateRecovery: Sendable, Equatable {
    let maximumDisconnection: TimeAmount?
    let skipsMiddlewares: Bool
    /// Events that a namespace's log holds, at most.
    var maximumEvents = 10_000
    /// Bytes that a namespace's log holds, at most.
    var maximumBytes = 16 << 20
    /// Sockets that a namespace keeps for clients that are away, at most; who left first is forgotten first.
    var maximumAbsentSockets = 100_000

    public static let disabled = ConnectionStateRecovery(maximumDisconnection: nil, skipsMiddlewares: true)

    /// - Parameters:
    ///   - maximumDisconnection: How long a client may be away.
    ///   - skipsMiddlewares: Whether connection middlewares are left out for a socket that is restored.
    public static func enabled(
        maximumDisconnection: TimeAmount = .seconds(120),
        skipsMiddlewares: Bool = true
    ) -> ConnectionStateRecovery {
        ConnectionStateRecovery(maximumDisconnection: maximumDisconnection, skipsMiddlewares: skipsMiddlewares)
    }

    public var isEnabled: Bool { self.maximumDisconnection != nil }
}

/// `Set-Cookie` on the first answer of a polling session. It is for sticky load balancing, and authenticates nobody.
public struct SessionCookie: Sendable {
    public var name = "io"
    public var path: String? = "/"
    public var isHTTPOnly = true
    public var sameSite: String? = "Lax"
    public var isSecure = false
    public var domain: String?
    /// Seconds.
    public var maximumAge: Int?

    public init() {}

    func header(_ sessionID: String) -> String {
        var text = "\(self.name)=\(sessionID)"
        if let domain { text += "; Domain=\(domain)" }
        if let maximumAge { text += "; Max-Age=\(maximumAge)" }
        if let path { text += "; Path=\(path)" }
        if self.isHTTPOnly { text += "; HttpOnly" }
        if self.isSecure { text += "; Secure" }
        if let sameSite { text += "; SameSite=\(sameSite)" }
        return text
    }
}
