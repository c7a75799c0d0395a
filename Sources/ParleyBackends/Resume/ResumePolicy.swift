public import NIOCore

/// How WebSockets of a service stay open while their backend is replaced. Source: docs/session-backends.md, "Resume".
public struct ResumePolicy: Sendable, Hashable {
    /// Bytes of messages that are kept for the next backend, for each socket.
    public var maximumBytes: Int
    /// How long a socket waits for it.
    public var patience: TimeAmount

    public init(maximumBytes: Int = 1 << 20, patience: TimeAmount = .seconds(60)) {
        self.maximumBytes = maximumBytes
        self.patience = patience
    }
}
