public import ParleyModel
internal import Synchronization

/// How many topics of a space may be live in this process: with members, or with a retained history.
public final class TopicLimit: Sendable {
    public let maximum: Int
    private let live = Mutex<Set<TopicName>>([])

    /// - Parameter maximum: 0 means no limit.
    public init(maximum: Int) {
        self.maximum = maximum
    }

    public var liveCount: Int { self.live.withLock { $0.count } }

    /// Whether a join that would make `topic` live is to be refused. Live topics are never refused.
    public func isExhausted(for topic: TopicName?) -> Bool {
        guard self.maximum > 0 else { return false }
        return self.live.withLock { live in
            live.count >= self.maximum && !(topic.map(live.contains) ?? false)
        }
    }

    /// - Returns: Whether there was room for it.
    func open(_ topic: TopicName) -> Bool {
        self.live.withLock { live in
            if self.maximum > 0, live.count >= self.maximum, !live.contains(topic) { return false }
            live.insert(topic)
            return true
        }
    }

    func close(_ topic: TopicName) {
        _ = self.live.withLock { $0.remove(topic) }
    }
}
