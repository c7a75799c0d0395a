public import ParleyModel
internal import Synchronization

/// Histories that live as long as the process.
public final class MemoryHistoryStore: HistoryStore {
    private let histories = Mutex<[TopicKey: [StoredPublication]]>([:])

    public init() {}

    /// A process that forgets everything has one start.
    public var boot: UInt64 { 1 }

    public func append(_ publications: [StoredPublication], keeping limits: [TopicKey: Int]) {
        self.histories.withLock { histories in
            for entry in publications {
                let isTaken = histories[entry.topic]?.contains { $0.position == entry.position } ?? false
                if !isTaken { histories[entry.topic, default: []].append(entry) }
            }
            for (topic, limit) in limits {
                guard let count = histories[topic]?.count, count > limit else { continue }
                histories[topic]?.removeFirst(count - max(0, limit))
                if limit <= 0 { histories[topic] = nil }
            }
        }
    }

    public func publications(in topic: TopicKey) -> [StoredPublication] { self.histories.withLock { $0[topic] ?? [] } }

    public func topics() -> [TopicKey] { self.histories.withLock { Array($0.keys) } }

    public func remove(_ topics: [TopicKey]) {
        self.histories.withLock { histories in
            for topic in topics { histories[topic] = nil }
        }
    }
}
