public import NIOCore
public import ParleyModel

/// The relay: every message is delivered verbatim to all subscribers of the topic.
///
/// Source: docs/architecture.md §5. Without a topic it echoes to the sender only.
public struct RelayDialect: Dialect {
    private let join: JoinRequest?
    private let includesSender: Bool
    /// Asked for each message; the request itself is large.
    private let isEcho: Bool

    /// - Parameters:
    ///   - join: The topic and the name under which others see the connection; `nil` to echo.
    ///   - includesSender: Whether a sender receives its own messages (`?echo=false` says no).
    public init(join: JoinRequest?, includesSender: Bool = true) {
        self.join = join
        self.includesSender = includesSender
        self.isEcho = join == nil
    }

    public mutating func opened(_ context: inout DialectContext) -> OpenAction {
        self.join.map { .join($0) } ?? .none
    }

    public mutating func received(
        _ kind: MessageKind,
        _ message: ByteBuffer,
        _ context: inout DialectContext
    ) -> ReceiveAction {
        guard !self.isEcho else { return .reply(kind, message) }
        switch kind {
        case .text: return .publish(.text(message), includingSender: self.includesSender)
        case .binary: return .publish(.binary(message), includingSender: self.includesSender)
        }
    }

    public mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction {
        switch outcome {
        case .joined: return .none
        case .refused(let reason): return .close(reason)
        }
    }
}

/// What relay subscribers receive: the payload's own bytes, and nothing of joins and leaves.
public struct RelayEncoder: DialectEncoder {
    public init() {}

    public func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind? {
        guard case .published(let publication) = event else { return nil }
        switch publication.payload {
        case .text(let bytes), .json(let bytes):
            message.writeImmutableBuffer(bytes)
            return .text
        case .event:
            message.writeImmutableBuffer(publication.payload.displayText)
            return .text
        case .binary(let bytes):
            message.writeImmutableBuffer(bytes)
            return .binary
        }
    }
}
