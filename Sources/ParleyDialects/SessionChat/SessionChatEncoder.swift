public import NIOCore
public import ParleyModel

/// Renders a room as the snapshot that every event causes:
/// `{"messages":[{"userId":"alice","msg":"Hello!","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice","bob"]}`.
public struct SessionChatEncoder: SnapshotEncoder {
    public init() {}

    /// Begins with the comma that parts it from the line before; a snapshot leaves out the first.
    public func encodeLine(_ publication: Publication, into lines: inout ByteBuffer) {
        lines.writeStaticString(",{\"userId\":")
        lines.writeJSONString(publication.sender.name)
        lines.writeStaticString(",\"msg\":")
        lines.writeJSONString(utf8: publication.payload.displayText)
        lines.writeStaticString(",\"ts\":\"")
        publication.time.writeISO8601(into: &lines)
        lines.writeStaticString("\"}")
    }

    public func encodeSnapshot(
        of topic: some TopicView,
        lines: ByteBuffer,
        into message: inout ByteBuffer
    ) -> MessageKind {
        message.writeStaticString("{\"messages\":[")
        message.writeBytes(lines.readableBytesView.dropFirst())
        message.writeStaticString("],\"connectedUsers\":[")
        var isFirst = true
        topic.forEachMember { member in
            if !isFirst { message.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            message.writeJSONString(member.name)
        }
        message.writeStaticString("]}")
        return .text
    }
}
