import NIOCore
import ParleyModel

/// A topic as encoders see it, made of literals.
struct Room: TopicView {
    var name: TopicName = TopicName("lobby")
    var members: [Member] = []
    var publications: [Publication] = []

    func forEachMember(_ body: (Member) -> Void) { self.members.forEach(body) }
    func forEachPublication(_ body: (Publication) -> Void) { self.publications.forEach(body) }
}

extension Member {
    static func named(_ name: String, id: String? = nil, dialect: DialectName = .sessionChat) -> Member {
        Member(
            client: ClientID(incarnation: .lone, connection: ConnectionID(shard: 0, slot: 0, generation: 0)),
            id: id ?? name,
            name: name,
            dialect: dialect
        )
    }
}

extension Publication {
    /// What `name` said at noon of New Year's Day, 2024.
    static func said(_ payload: Payload, by name: String, id: String? = nil) -> Publication {
        Publication(
            offset: 1,
            time: WallTime(milliseconds: 1_704_110_400_000),
            sender: Sender(id: id ?? name, name: name),
            payload: payload
        )
    }
}

extension Payload {
    static func text(_ text: String) -> Payload { .text(ByteBuffer(string: text)) }
    static func json(_ json: String) -> Payload { .json(ByteBuffer(string: json)) }
    static func event(_ name: String, _ arguments: String) -> Payload {
        .event(name: name, arguments: ByteBuffer(string: arguments))
    }
}

extension DialectEncoder {
    /// What subscribers receive; `nil` when nothing is said, in which case nothing may have been written.
    func message(for event: TopicEvent, in room: Room = Room()) -> Sent? {
        var buffer = ByteBuffer()
        guard let kind = self.encode(event, in: room, into: &buffer) else {
            return buffer.readableBytes == 0 ? nil : .leftover
        }
        return Sent(kind: kind, text: String(buffer: buffer))
    }

    func welcome(for member: Member, in room: Room) -> Sent? {
        var buffer = ByteBuffer()
        guard let kind = self.encodeWelcome(for: member, in: room, into: &buffer) else {
            return buffer.readableBytes == 0 ? nil : .leftover
        }
        return Sent(kind: kind, text: String(buffer: buffer))
    }
}

/// One message as it goes to a client.
struct Sent: Equatable, ExpressibleByStringLiteral {
    var kind: MessageKind
    var text: String

    /// Written without being sent: never expected.
    static let leftover = Sent(kind: .binary, text: "bytes written for no message")

    init(kind: MessageKind, text: String) {
        self.kind = kind
        self.text = text
    }

    init(stringLiteral text: String) {
        self.init(kind: .text, text: text)
    }
}
