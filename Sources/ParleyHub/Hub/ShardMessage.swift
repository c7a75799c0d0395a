internal import NIOCore
internal import ParleyModel

/// What one shard tells another. Batched: a shard's messages of one tick to another shard travel in one task.
enum ShardMessage: Sendable {
    // To the home shard of a topic.
    case join(TopicKey, HomeJoin)
    case leave(TopicKey, ConnectionID)
    case publish(TopicKey, HomePublish)

    // From the home shard.
    case joinCompleted(ConnectionID, TopicKey, JoinOutcome, welcome: ByteBuffer?)
    case publishCompleted(ConnectionID, TopicKey)
    case deliver(TopicKey, FormatID, ByteBuffer, excluding: ConnectionID?)
    case expel(ConnectionID, TopicKey?, CloseReason)

    // Between any two.
    case run(@Sendable (Shard) -> Void)
}

/// A join on its way to the home shard.
struct HomeJoin: Sendable {
    let connection: ConnectionID
    let dialect: DialectName
    let format: FormatID
    let request: JoinRequest

    var member: Member {
        Member(
            connection: self.connection,
            id: self.request.memberID,
            name: self.request.memberName,
            dialect: self.dialect
        )
    }
}

/// A publication on its way to the home shard.
struct HomePublish: Sendable {
    enum Origin: Sendable {
        /// A member; its identity is looked up in the topic.
        case member(ConnectionID, wantsCompletion: Bool)
        /// Somebody outside of the topic: an API, or another node.
        case outside(Sender)
    }

    let origin: Origin
    let payload: Payload
    let excluding: ConnectionID?
}
