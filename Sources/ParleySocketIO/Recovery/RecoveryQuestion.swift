internal import ParleyModel

/// What the home of a namespace with a log is told and asked of its sockets.
enum RecoveryQuestion: Sendable {
    /// A socket is there, under a secret by which it may be restored.
    case opened(privateID: String, by: ConnectionID)
    /// A socket has left for good.
    case closed(privateID: String, by: ConnectionID)
    /// A socket has left and may come back.
    case left(RecoverableSession, by: ConnectionID)
    /// What was restored did not come to be; its client may try again.
    case putBack(RecoverableSession)
    /// - Parameter mayClose: Whether a connection that the socket still has is closed first.
    case restore(AbsentSockets.Request, for: ConnectAttempt, mayClose: Bool)
    /// What was said while somebody thought about a restored socket.
    case missed(after: StreamPosition, by: String, in: Set<ExactString>, for: ConnectAttempt)
}

enum RecoveryAnswer: Sendable {
    /// `nil`: a fresh socket it is.
    case restored(AbsentSockets.Restored?)
    /// `nil`: more than the log holds.
    case missed(MissedEvents?)
}

/// A CONNECT that waits for an answer.
struct ConnectAttempt: Sendable {
    let connection: ConnectionID
    /// Its number among those of the connection.
    let number: Int
    let namespace: String
}
