internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// What an endpoint says to a WebSocket handshake.
enum Admission: Sendable {
    case accept(any WebSocketAcceptance)
    case refuse(Refusal)
    /// Something has to be asked first, a token verified for instance.
    case pending(EventLoopFuture<Admission>)
}

/// A handshake that goes through, and the connection that comes of it.
protocol WebSocketAcceptance: Sendable {
    /// The event loop that the connection has to live on; `nil`: the one that it was accepted on.
    var eventLoop: (any EventLoop)? { get }
    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler
}

/// What a new connection is given by its listener.
struct HandshakeEnvironment {
    let hub: Hub
    let shard: Shard
    let compression: PerMessageDeflate?
    let permit: ConnectionPermit
    /// Where it is, behind proxies that are trusted; `nil` when nobody knows.
    let client: SocketAddress?
    let isSecure: Bool
}

/// A connection that speaks a dialect.
struct Acceptance: WebSocketAcceptance {
    let profile: ConnectionProfile
    let dialect: any Dialect
    /// Told of the connection's life, where somebody keeps a list.
    var observer: (any ConnectionObserver)?
    /// The token's end, and the time by which it was computed.
    var tokenExpiry: (expiresAt: WallTime, now: WallTime)?

    var eventLoop: (any EventLoop)? { nil }

    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        DialectHandler(self, environment)
    }

    func expiry(now: NIODeadline) -> NIODeadline {
        guard let expiry = self.tokenExpiry else { return .distantFuture }
        return now + .milliseconds(expiry.expiresAt.milliseconds - expiry.now.milliseconds)
    }
}

/// Learns when a connection begins and ends; called on its event loop.
protocol ConnectionObserver: Sendable {
    func opened(_ connection: ConnectionID)
    func closed(_ connection: ConnectionID)
}
