package import Logging
package import NIOCore
package import ParleyHub

/// What the connections of one listener share.
package struct ListenerServices: Sendable {
    package let hub: Hub
    package let state: ServerState
    package let limits: ConnectionLimits
    package let failures: HandshakeFailures
    package let ledger: MemoryLedger
    package let routes: any FrontDoorRoutes
    package let http: any PlainResponder
    package let headerTimeout: TimeAmount
    package let bodyTimeout: TimeAmount
    package let maximumHeaderBytes: Int
    /// Who is believed that it speaks for others.
    package let trustedProxies: TrustedProxies
    package let logger: Logger

    package init(
        hub: Hub,
        state: ServerState,
        limits: ConnectionLimits,
        failures: HandshakeFailures,
        ledger: MemoryLedger,
        routes: any FrontDoorRoutes,
        http: any PlainResponder,
        headerTimeout: TimeAmount,
        bodyTimeout: TimeAmount,
        maximumHeaderBytes: Int,
        trustedProxies: TrustedProxies,
        logger: Logger
    ) {
        self.hub = hub
        self.state = state
        self.limits = limits
        self.failures = failures
        self.ledger = ledger
        self.routes = routes
        self.http = http
        self.headerTimeout = headerTimeout
        self.bodyTimeout = bodyTimeout
        self.maximumHeaderBytes = maximumHeaderBytes
        self.trustedProxies = trustedProxies
        self.logger = logger
    }
}
