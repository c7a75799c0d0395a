public import NIOCore

/// Renders what happens in a topic in the words of one dialect: once per event, whatever the number of receivers.
///
/// An encoder holds no state of a connection. It runs on the topic's home shard.
public protocol DialectEncoder: Sendable {
    /// Appends the one message that every subscriber of this dialect receives for `event`.
    /// - Returns: How it travels, or `nil` when the dialect says nothing about such an event (nothing is appended then).
    func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind?

    /// Appends the message that only the joining `member` receives, before any event of the topic.
    /// - Returns: How it travels, or `nil` when the dialect greets nobody.
    func encodeWelcome(for member: Member, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind?
}

extension DialectEncoder {
    public func encodeWelcome(
        for member: Member,
        in topic: some TopicView,
        into message: inout ByteBuffer
    ) -> MessageKind? {
        nil
    }
}
