public import NIOCore
public import ParleyModel

/// Renders a publication as `{"type":"message","senderId":S,"data":D}`; joins and leaves are not told.
public struct ChannelServerEncoder: DialectEncoder {
    public init() {}

    public func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind? {
        guard case .published(let publication) = event else { return nil }
        message.writeStaticString("{\"type\":\"message\",\"senderId\":")
        message.writeJSONString(publication.sender.id)
        message.writeStaticString(",\"data\":")
        publication.payload.writeJSON(into: &message)
        message.writeInteger(UInt8(ascii: "}"))
        return .text
    }
}
