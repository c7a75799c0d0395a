public import NIOCore
public import ParleyModel

/// The relay: every message is delivered verbatim to all subscribers of the topic.
///
/// Source: docs/architecture.md §5. Without a topic it echoes to the sender only.
public struct RelayDialect: Dialect {
    /// Behind a reference: what is left of a dialect once it has joined is small enough to lie within its connection.
    private indirect enum Entry {
        case none
        case join(JoinRequest)
    }

    private var entry: Entry
    private let isEcho: Bool
    private let includesSender: Bool

    /// - Parameters:
    ///   - join: The topic and the name under which others see the connection; `nil` to echo.
    ///   - includesSender: Whether a sender receives its own messages (`?echo=false` says no).
    public init(join: JoinRequest?, includesSender: Bool = true) {
        self.entry = join.map { .join($0) } ?? .none
        self.isEcho = join == nil
        self.includesSender = includesSender
    }

    public mutating func opened(_ context: inout DialectContext) -> OpenAction {
        guard case .join(let request) = self.entry else { return .none }
        self.entry = .none
        return .join(request)
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
