internal import NIOCore
internal import ParleyModel

/// What there is of a topic beside itself while a store has its history: see Shard+StoredHistories.swift.
final class StoredTopic {
    /// What decides; `nil` until the store has been looked at.
    var log: TopicLog?
    /// What the store has, until the machine knows it.
    var loaded: [Publication]?
    /// Since when the store cannot be read.
    var unreadableSince: NIODeadline?
    /// The one that is being decided, and those that wait for it.
    var commands: CircularBuffer<TopicCommand> = []
    /// What the shard has counted as waiting for the store.
    var heldBytes = 0
}
