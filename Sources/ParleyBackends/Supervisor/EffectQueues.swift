internal import DequeModule

/// Effects that are decided and not done yet, in a queue for each key.
///
/// Who puts the first effect into an empty queue does it, and all that come meanwhile, until the queue is empty: so effects of one
/// key are done in the order of their decisions, by one at a time, and those of different keys do not wait for each other. An effect
/// that decides something new for its own key finds the queue in use, and goes on.
struct EffectQueues<Key: Hashable & Sendable, Effect: Sendable>: Sendable {
    /// A key is here as long as somebody does its effects.
    private var queues: [Key: Deque<Effect>] = [:]

    /// - Returns: Whether the caller is to do them, by ``next(of:)``.
    mutating func append(_ effect: Effect, for key: Key) -> Bool {
        guard self.queues[key] == nil else {
            self.queues[key]?.append(effect)
            return false
        }
        self.queues[key] = [effect]
        return true
    }

    /// - Returns: What is to be done next; `nil`: nothing, and the caller has nothing more to do with the key.
    mutating func next(of key: Key) -> Effect? {
        if let effect = self.queues[key]?.popFirst() { return effect }
        self.queues[key] = nil
        return nil
    }

    var isEmpty: Bool { self.queues.isEmpty }
}
