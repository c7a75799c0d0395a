internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// What the connections of one listener share.
struct ListenerServices: Sendable {
    let hub: Hub
    let state: ServerState
    let limits: ConnectionLimits
    let failures: HandshakeFailures
    let ledger: MemoryLedger
    /// Who answers a request.
    let route: @Sendable (UpgradeRequest) -> Route
    let http: any HTTPAnswering
    let headerTimeout: TimeAmount
    let bodyTimeout: TimeAmount
    let maximumHeaderBytes: Int
    /// Who is believed that it speaks for others.
    let trustedProxies: TrustedProxies
    let logger: Logger
}

/// Whether the server takes new work.
final class ServerState: Sendable {
    private let draining = Atomic<Bool>(false)
    private let listening = Atomic<Bool>(false)

    var isDraining: Bool { self.draining.load(ordering: .acquiring) }
    var isReady: Bool { self.listening.load(ordering: .acquiring) && !self.isDraining }

    func startListening() { self.listening.store(true, ordering: .releasing) }
    func startDraining() { self.draining.store(true, ordering: .releasing) }
}

/// Requests refused before they became a connection, by reason.
final class HandshakeFailures: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    func count(_ refusal: Refusal) {
        self.counts.withLock { $0[refusal.label, default: 0] += 1 }
        self.logger.debug("Request refused", metadata: ["status": "\(refusal.status)", "reason": "\(refusal.label)"])
    }

    var byReason: [String: Int] { self.counts.withLock { $0 } }
}
