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

/// A dialect of which each message tells the whole of a topic: where events come thick and fast, one may tell of several.
///
/// A publication's line never changes, so that it is rendered once and kept for every later snapshot.
public protocol SnapshotEncoder: DialectEncoder {
    /// Appends what `publication` looks like in every snapshot that has it.
    func encodeLine(_ publication: Publication, into lines: inout ByteBuffer)

    /// Appends the message that every subscriber receives.
    /// - Parameter lines: The lines of all publications that `topic` retains, one behind the other, oldest first.
    func encodeSnapshot(
        of topic: some TopicView,
        lines: ByteBuffer,
        into message: inout ByteBuffer
    ) -> MessageKind
}

extension SnapshotEncoder {
    /// The snapshot after `event`, from nothing.
    public func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind? {
        var lines = ByteBuffer()
        topic.forEachPublication { self.encodeLine($0, into: &lines) }
        return self.encodeSnapshot(of: topic, lines: lines, into: &message)
    }
}
