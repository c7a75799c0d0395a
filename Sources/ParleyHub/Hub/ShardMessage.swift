internal import NIOCore
internal import ParleyModel

/// What one shard tells another. Batched: a shard's messages of one tick to another shard travel in one task.
enum ShardMessage: Sendable {
    // To the home shard of a topic.
    case join(TopicKey, TopicJoin, FormatID)
    case leave(TopicKey, ConnectionID)
    case publish(TopicKey, TopicPublish)

    // From the home shard.
    case joinCompleted(ConnectionID, TopicKey, JoinOutcome, welcome: ByteBuffer?)
    case publishCompleted(ConnectionID, TopicKey)
    case deliver(TopicKey, FormatID, ByteBuffer, excluding: ConnectionID?)
    case expel(ConnectionID, TopicKey?, CloseReason)

    // From the store of histories.
    case historyLoaded(TopicKey, Result<[StoredPublication], StoreError>)
    case historyWritten(Result<Void, StoreError>)

    // About listeners: to the home shard of a topic, and from it.
    case listen(TopicKey, TopicListener)
    case stopListening(TopicKey, TopicListener)
    case listening(TopicKey, HubPartID, StreamPosition?)
    case heard(TopicKey, HubPartID, epoch: UInt64, Publication)

    // For what stands on the hub.
    case install(HubPartID, any HubPart)
    case command(HubPartID, any ShardCommand)
}
