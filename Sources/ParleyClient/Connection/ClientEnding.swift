internal import WebSocketProtocol

/// How a connection ended.
struct ClientEnding: Sendable {
    var code: WebSocketCloseCode
    var reason: String
    /// What those who read messages are told; `nil` when a close frame ended the connection.
    var error: WebSocketClientError?
    /// Whether we closed, and the server agreed.
    var isOurs = false

    /// A close frame of the server; without a code it counts as 1005 (RFC 6455 §7.1.5).
    static func closedByServer(_ code: WebSocketCloseCode?, reason: String) -> Self {
        Self(code: code ?? WebSocketCloseCode(rawValue: 1005), reason: reason)
    }

    /// We closed; the server answered or had its time. Without an answer it counts as 1006.
    static func closedByUs(_ code: WebSocketCloseCode, reason: String, isAnswered: Bool) -> Self {
        isAnswered
            ? Self(code: code, reason: reason, isOurs: true)
            : Self(code: WebSocketCloseCode(rawValue: 1006), reason: "the server did not answer the close frame")
    }

    /// The transport ended without a close frame (§7.1.5).
    static func lost(_ cause: (any Error)?) -> Self {
        let reason = "the connection ended without a close frame" + (cause.map { ": \($0)" } ?? "")
        let error = WebSocketClientError(.connectionLost, reason, underlyingError: cause)
        return Self(code: WebSocketCloseCode(rawValue: 1006), reason: reason, error: error)
    }

    /// The server broke a rule.
    static func failed(_ failure: WebSocketFailure) -> Self {
        let error = WebSocketClientError(.protocolViolation, "closed with \(failure.code.rawValue): \(failure.reason)")
        return Self(code: failure.code, reason: failure.reason, error: error)
    }

    /// What those who send are told.
    var closedError: WebSocketClientError {
        let reason = self.reason.isEmpty ? "" : " (\(self.reason))"
        return WebSocketClientError(.closed, "the connection is closed: \(self.code.rawValue)\(reason)")
    }
}
