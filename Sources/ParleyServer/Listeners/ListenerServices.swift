internal import Logging
internal import NIOCore
internal import ParleyHub

/// What the connections of one listener share.
struct ListenerServices: Sendable {
    let hub: Hub
    let state: ServerState
    let limits: ConnectionLimits
    let failures: HandshakeFailures
    let ledger: MemoryLedger
    let routes: any FrontDoorRoutes
    let http: any PlainResponder
    let headerTimeout: TimeAmount
    let bodyTimeout: TimeAmount
    let maximumHeaderBytes: Int
    /// Who is believed that it speaks for others.
    let trustedProxies: TrustedProxies
    let logger: Logger
}
