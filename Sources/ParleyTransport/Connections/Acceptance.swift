package import NIOCore
package import ParleyDialects
package import ParleyHub
package import ParleyModel
internal import WebSocketProtocol

/// What an endpoint says to a WebSocket handshake.
package enum Admission: Sendable {
    case accept(any WebSocketAcceptance)
    case refuse(Refusal)
    /// Something has to be asked first, a token verified for instance.
    case pending(EventLoopFuture<Admission>)
}

/// A handshake that goes through, and the connection that comes of it.
package protocol WebSocketAcceptance: Sendable {
    /// The event loop that the connection has to live on; `nil`: the one that it was accepted on.
    var eventLoop: (any EventLoop)? { get }
    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler
}

/// What a new connection is given by its listener.
package struct HandshakeEnvironment {
    package let hub: Hub
    package let shard: Shard
    let compression: PerMessageDeflate?
    let permit: ConnectionPermit
    /// Where it is, behind proxies that are trusted; `nil` when nobody knows.
    package let client: SocketAddress?
    let isSecure: Bool
}

/// A connection that speaks a dialect.
package struct Acceptance: WebSocketAcceptance {
    package let profile: ConnectionProfile
    package let dialect: any Dialect
    /// Told of the connection's life, where somebody keeps a list.
    package var observer: (any ConnectionObserver)?
    /// The token's end, and the time by which it was computed.
    package var tokenExpiry: (expiresAt: WallTime, now: WallTime)?

    package init(
        profile: ConnectionProfile,
        dialect: any Dialect,
        observer: (any ConnectionObserver)? = nil,
        tokenExpiry: (expiresAt: WallTime, now: WallTime)? = nil
    ) {
        self.profile = profile
        self.dialect = dialect
        self.observer = observer
        self.tokenExpiry = tokenExpiry
    }

    package var eventLoop: (any EventLoop)? { nil }

    package func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        DialectHandler(self, environment)
    }

    func expiry(now: NIODeadline) -> NIODeadline {
        guard let expiry = self.tokenExpiry else { return .distantFuture }
        return now + .milliseconds(expiry.expiresAt.milliseconds - expiry.now.milliseconds)
    }
}

/// Learns when a connection begins and ends; called on its event loop.
package protocol ConnectionObserver: Sendable {
    func opened(_ connection: ConnectionID)
    func closed(_ connection: ConnectionID)
}
