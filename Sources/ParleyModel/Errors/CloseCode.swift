/// Why the server ends a connection: a row of the one table that every dialect draws from.
///
/// Numbers are WebSocket close codes (RFC 6455 §7.4). The reason is what the client sees; both are printed in
/// `docs/errors.md`, and a test compares the two.
public struct CloseReason: Sendable, Hashable {
    /// The close code, 1000–4999.
    public let code: UInt16
    /// At most 123 bytes of UTF-8.
    public let reason: String
    /// Whether a client does well to connect again: with the same request, after a pause.
    public let mayReconnect: Bool
    /// A name for metrics and logs; never holds anything from a peer.
    public let label: String

    private init(_ code: UInt16, _ reason: String, mayReconnect: Bool, label: String) {
        self.code = code
        self.reason = reason
        self.mayReconnect = mayReconnect
        self.label = label
    }
}

extension CloseReason {
    public static let normal = CloseReason(1000, "", mayReconnect: true, label: "normal")
    /// The management API of the channel server closed the connection.
    public static let closedByManagement = CloseReason(
        1000,
        "Connection Closed Normally",
        mayReconnect: true,
        label: "management"
    )
    public static let serverShuttingDown = CloseReason(
        1001,
        "Server shutting down",
        mayReconnect: true,
        label: "shutdown"
    )
    /// Channel server: idle or past its lifetime. The text is that of API Gateway's emulator.
    public static let goingAway = CloseReason(1001, "Going away", mayReconnect: true, label: "timeout")
    public static let pingTimeout = CloseReason(1001, "Ping timeout", mayReconnect: true, label: "ping_timeout")
    public static let binaryNotAccepted = CloseReason(
        1003,
        "Binary messages are not accepted",
        mayReconnect: false,
        label: "binary"
    )
    public static let notUTF8 = CloseReason(1007, "Expected UTF-8 text", mayReconnect: false, label: "not_utf8")
    public static let roomFull = CloseReason(1008, "Room is full", mayReconnect: true, label: "room_full")
    public static let duplicateUser = CloseReason(1008, "Duplicate user", mayReconnect: false, label: "duplicate_user")
    public static let replaced = CloseReason(
        1008,
        "Replaced by a new connection",
        mayReconnect: false,
        label: "replaced"
    )
    public static let tokenExpired = CloseReason(1008, "Token expired", mayReconnect: false, label: "token_expired")
    public static let tooManyRequests = CloseReason(
        1008,
        "Too many requests",
        mayReconnect: true,
        label: "too_many_requests"
    )
    /// Event gateway: the session was logged out, or has expired.
    public static let sessionEnded = CloseReason(1008, "Session ended", mayReconnect: false, label: "session_ended")
    public static let rateLimitExceeded = CloseReason(
        1008,
        "Rate limit exceeded",
        mayReconnect: true,
        label: "rate_limit"
    )
    public static let slowConsumer = CloseReason(1008, "Slow consumer", mayReconnect: true, label: "slow_consumer")
    public static let unfinishedMessage = CloseReason(
        1008,
        "Message not finished in time",
        mayReconnect: true,
        label: "unfinished_message"
    )
    public static let internalError = CloseReason(1011, "Internal error", mayReconnect: true, label: "internal_error")
    public static let serviceRestart = CloseReason(1012, "Service restart", mayReconnect: true, label: "restart")
    /// All that waits in memory is more than the process may have, and this connection's input the largest part of it.
    public static let overloaded = CloseReason(1013, "Server overloaded", mayReconnect: true, label: "overloaded")
    public static let topicLimit = CloseReason(
        1013,
        "Too many rooms on this server",
        mayReconnect: true,
        label: "topic_limit"
    )
    /// Session backends: more was sent to one that restarts than is kept for the next.
    public static let tooMuchToResume = CloseReason(
        1013,
        "Too much was sent while the backend restarted",
        mayReconnect: true,
        label: "resume_overflow"
    )

    /// Something that happened in a room cannot be told to the connection any more, or whether what it said was kept.
    public static let insufficientState = CloseReason(
        3010,
        "Insufficient state",
        mayReconnect: true,
        label: "insufficient_state"
    )

    /// Every fixed row, in the order of the printed table. Protocol failures (1002, 1007, 1009) carry a sentence of their own.
    public static let all: [CloseReason] = [
        .normal, .closedByManagement, .serverShuttingDown, .goingAway, .pingTimeout, .binaryNotAccepted, .notUTF8,
        .roomFull, .duplicateUser, .replaced, .tokenExpired, .sessionEnded, .tooManyRequests, .rateLimitExceeded,
        .slowConsumer, .unfinishedMessage,
        .internalError, .serviceRestart, .overloaded, .topicLimit, .tooMuchToResume,
        .insufficientState,
    ]

    /// A breach of the WebSocket protocol, told by the frame parser in a sentence of its own.
    public static func protocolFailure(code: UInt16, reason: String, label: String) -> CloseReason {
        CloseReason(code, reason, mayReconnect: false, label: label)
    }
}
