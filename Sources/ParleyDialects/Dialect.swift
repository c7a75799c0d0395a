public import NIOCore
public import ParleyModel

/// One connection of a wire protocol for applications: what arrives goes in, what to do comes out.
///
/// A dialect is a value without socket, clock or randomness; a thin driver calls it and does what it says. It knows nothing
/// of its transport beyond ``MessageKind``, so that it runs over any.
public protocol Dialect: Sendable {
    /// Whether ``publishCompleted()`` is to be called for each publication.
    var acknowledgesPublications: Bool { get }

    /// The connection is established; called once, first.
    mutating func opened(_ context: inout DialectContext) -> OpenAction

    /// A complete message arrived. Never called between a ``ReceiveAction/join(_:)`` and its ``joinCompleted(_:)``.
    /// - Parameter message: Valid UTF-8 when `kind` is text. A slice of the read buffer: keep nothing of it.
    mutating func received(_ kind: MessageKind, _ message: ByteBuffer, _ context: inout DialectContext) -> ReceiveAction

    /// The hub answered a join.
    mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction

    /// A publication of this connection has been handed to every local member and accepted by the broker.
    mutating func publishCompleted() -> PublishedAction
}

public enum OpenAction: Sendable, Equatable {
    /// Wait for the client to speak.
    case none
    case join(JoinRequest)
}

public enum ReceiveAction: Sendable, Equatable {
    /// Nothing is answered and nobody is told; counted as a dropped message.
    case drop
    /// Answer this connection alone.
    case reply(MessageKind, ByteBuffer)
    /// Leave the present topic, if any, and join this one. No message is handed in until the hub has answered.
    case join(JoinRequest)
    /// Publish to the joined topic; `includingSender` says whether the sender hears itself.
    case publish(Payload, includingSender: Bool)
    case close(CloseReason)
}

public enum JoinedAction: Sendable, Equatable {
    case none
    case reply(MessageKind, ByteBuffer)
    case close(CloseReason)
}

public enum PublishedAction: Sendable, Equatable {
    case none
    case reply(MessageKind, ByteBuffer)
}

extension Dialect {
    public var acknowledgesPublications: Bool { false }
    public mutating func opened(_ context: inout DialectContext) -> OpenAction { .none }
    public mutating func publishCompleted() -> PublishedAction { .none }
}
