internal import Synchronization

/// What other shards have told one shard, and it has not heard yet.
///
/// A shard empties it in a task of its loop, and before it looks at anything that a client said: whoever was told of an event
/// and makes another client act on it must not find that client's shard behind.
final class Mailbox: Sendable {
    /// What lies in it.
    struct Load: Sendable {
        var messages = 0
        var bytes = 0
    }

    private let messages = Mutex<[ShardMessage]>([])
    private let byteCount = Atomic<Int>(0)
    private let messageCount = Atomic<Int>(0)
    /// Read on every input of every connection, so that the lock is taken only when there is something.
    private let isFull = Atomic<Bool>(false)

    /// - Returns: Whether it was empty before: somebody has to see to it that it is emptied.
    func put(_ batch: [ShardMessage], bytes: Int) -> Bool {
        self.messages.withLock { messages in
            let wasEmpty = messages.isEmpty
            messages += batch
            self.messageCount.store(messages.count, ordering: .relaxed)
            self.byteCount.add(bytes, ordering: .relaxed)
            self.isFull.store(true, ordering: .releasing)
            return wasEmpty
        }
    }

    var load: Load {
        Load(messages: self.messageCount.load(ordering: .relaxed), bytes: self.byteCount.load(ordering: .relaxed))
    }

    /// Everything in it, in the order of its coming.
    func take() -> [ShardMessage] {
        guard self.isFull.load(ordering: .acquiring) else { return [] }
        return self.messages.withLock { messages in
            self.isFull.store(false, ordering: .relaxed)
            self.messageCount.store(0, ordering: .relaxed)
            self.byteCount.store(0, ordering: .relaxed)
            defer { messages = [] }
            return messages
        }
    }
}
