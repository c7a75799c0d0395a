internal import EngineIO

/// Why a socket was disconnected, in the words of the reference.
public enum DisconnectReason: String, Sendable, Equatable {
    case transportClose = "transport close"
    case transportError = "transport error"
    case pingTimeout = "ping timeout"
    case parseError = "parse error"
    /// The client broke a rule of Socket.IO.
    case forcedClose = "forced close"
    case forcedServerClose = "forced server close"
    /// The client left the namespace.
    case clientNamespaceDisconnect = "client namespace disconnect"
    /// The application made it leave.
    case serverNamespaceDisconnect = "server namespace disconnect"
    case serverShuttingDown = "server shutting down"
    /// More waited for the client than ``SocketIOConfiguration/maximumQueuedBytes``. Not known to the reference.
    case slowConsumer = "slow consumer"

    init(_ reason: EngineCloseReason) {
        switch reason {
        case .transportClose: self = .transportClose
        case .transportError: self = .transportError
        case .pingTimeout: self = .pingTimeout
        case .parseError: self = .parseError
        case .forcedClose: self = .forcedClose
        case .forcedServerClose: self = .forcedServerClose
        case .shutdown: self = .serverShuttingDown
        case .slowConsumer: self = .slowConsumer
        }
    }

    /// Whether the socket may be restored when its client returns. Source: Socket.IO server specification §3.1; a slow
    /// consumer gets what it did not read from the log, as far as that reaches.
    var isRecoverable: Bool {
        switch self {
        case .transportClose, .transportError, .forcedClose, .forcedServerClose, .pingTimeout, .serverShuttingDown,
            .slowConsumer:
            return true
        case .parseError, .clientNamespaceDisconnect, .serverNamespaceDisconnect:
            return false
        }
    }
}
