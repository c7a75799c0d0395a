public import NIOCore
public import ParleyModel

/// Renders joins and leaves as `info`, text as `chat`, and greets the joiner with `welcome`.
///
/// Source: disposable chat specification, *Server -> client*; keys in its order, absent ones left out.
public struct DisposableChatEncoder: DialectEncoder {
    public init() {}

    public func encode(_ event: TopicEvent, in topic: some TopicView, into message: inout ByteBuffer) -> MessageKind? {
        switch event {
        case .joined(let member):
            Self.write(type: "info", room: topic.name, clientID: member.id, clientName: member.name, into: &message)
            message.writeStaticString(",\"action\":\"registered\"}}")
        case .left(let member):
            Self.write(type: "info", room: topic.name, clientID: member.id, clientName: member.name, into: &message)
            message.writeStaticString(",\"action\":\"unregistered\"}}")
        case .replaced:
            // The same user under the same id: nobody came and nobody went.
            return nil
        case .published(let publication):
            let sender = publication.sender
            Self.write(type: "chat", room: topic.name, clientID: sender.id, clientName: sender.name, into: &message)
            message.writeStaticString(",\"text\":")
            message.writeJSONString(utf8: publication.payload.displayText)
            message.writeStaticString("}}")
        }
        return .text
    }

    public func encodeWelcome(
        for member: Member,
        in topic: some TopicView,
        into message: inout ByteBuffer
    ) -> MessageKind? {
        message.writeStaticString("{\"type\":\"welcome\",\"data\":{\"room\":{\"name\":")
        message.writeJSONString(topic.name.value)
        message.writeStaticString(",\"activeClients\":[")
        var isFirst = true
        topic.forEachMember { present in
            if !isFirst { message.writeInteger(UInt8(ascii: ",")) }
            isFirst = false
            Self.write(clientID: present.id, name: present.name, into: &message)
        }
        message.writeStaticString("]}}}")
        return .text
    }

    /// `{"type":T,"data":{"room":{"name":R},"client":{"id":I,"name":N}`: the part that `info` and `chat` share.
    private static func write(
        type: StaticString,
        room: TopicName,
        clientID: String,
        clientName: String,
        into message: inout ByteBuffer
    ) {
        message.writeStaticString("{\"type\":\"")
        message.writeStaticString(type)
        message.writeStaticString("\",\"data\":{\"room\":{\"name\":")
        message.writeJSONString(room.value)
        message.writeStaticString("},\"client\":")
        Self.write(clientID: clientID, name: clientName, into: &message)
    }

    private static func write(clientID: String, name: String, into message: inout ByteBuffer) {
        message.writeStaticString("{\"id\":")
        message.writeJSONString(clientID)
        message.writeStaticString(",\"name\":")
        message.writeJSONString(name)
        message.writeInteger(UInt8(ascii: "}"))
    }
}
