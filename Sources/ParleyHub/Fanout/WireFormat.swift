public import NIOCore
public import ParleyModel

/// Dialect, transport and compression together: what makes two connections receive the same bytes.
public protocol WireFormat: AnyObject, Sendable {
    var dialect: DialectName { get }

    /// Appends the bytes that every connection of this format receives for `event`; nothing, if it hears nothing of it.
    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer)

    /// Appends the bytes that the joining `member` alone receives, before any event of the topic.
    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer)
}

/// A format of which each message tells the whole of a topic: when the topic is busy, several events may be told in one.
public protocol SnapshotFormat: WireFormat {
    /// Appends what `publication` looks like in every snapshot that has it.
    func encodeLine(_ publication: Publication, into lines: inout ByteBuffer)

    /// Appends the bytes that every connection of this format receives.
    /// - Parameter lines: Those of all publications that `topic` retains, oldest first.
    func encodeSnapshot(of topic: some TopicView, lines: ByteBuffer, into wire: inout ByteBuffer)
}

/// The index of a ``WireFormat`` in its hub.
public struct FormatID: Hashable, Sendable {
    let index: Int
}
