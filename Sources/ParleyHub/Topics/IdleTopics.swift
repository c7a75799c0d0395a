internal import NIOCore

/// Topics of one shard and space that nobody is in, in the order in which they became so. Each is in it once at most, and costs
/// no memory of its own.
struct IdleTopics {
    private(set) var first: Topic?
    private(set) var last: Topic?

    var isEmpty: Bool { self.first == nil }

    mutating func append(_ topic: Topic) {
        topic.previousIdle = self.last
        if let last = self.last { last.nextIdle = topic } else { self.first = topic }
        self.last = topic
    }

    /// - Parameter topic: One that is in this list.
    mutating func remove(_ topic: Topic) {
        if let previous = topic.previousIdle { previous.nextIdle = topic.nextIdle } else { self.first = topic.nextIdle }
        if let next = topic.nextIdle { next.previousIdle = topic.previousIdle } else { self.last = topic.previousIdle }
        topic.previousIdle = nil
        topic.nextIdle = nil
    }
}
