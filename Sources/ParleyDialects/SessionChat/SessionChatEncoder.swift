public import NIOCore
public import ParleyModel

/// Renders a room as the snapshot that every event causes:
/// `{"messages":[{"userId":"alice","msg":"Hello!","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice","bob"]}`.
public struct SessionChatEncoder: DialectEncoder {
    public init() {}

    public func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind? {
        message.writeStaticString("{\"messages\":[")
        var isFirst = true
        topic.forEachPublication { publication in
            message.writeStaticString(isFirst ? "{\"userId\":" : ",{\"userId\":")
            isFirst = false
            message.writeJSONString(publication.sender.name)
            message.writeStaticString(",\"msg\":")
            message.writeJSONString(utf8: publication.payload.displayText)
            message.writeStaticString(",\"ts\":\"")
            publication.time.writeISO8601(into: &message)
            message.writeStaticString("\"}")
        }
        message.writeStaticString("],\"connectedUsers\":[")
        isFirst = true
        topic.forEachMember { member in
            if !isFirst { message.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            message.writeJSONString(member.name)
        }
        message.writeStaticString("]}")
        return .text
    }
}
