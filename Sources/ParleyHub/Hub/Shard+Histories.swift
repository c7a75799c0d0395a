internal import NIOCore
internal import ParleyModel

/// What topics of this shard hold in memory beyond the connections that are in them: bounded, and what nobody has looked at for
/// longest goes first.
extension Shard {
    /// The bytes that the histories of this shard may have. Topics are spread evenly.
    var maximumHistoryBytes: Int {
        self.configuration.maximumHistoryBytes / max(1, self.configuration.shards)
    }

    /// Nobody is in the topic any more: it keeps what was said in it, at the size that this has.
    func retain(_ topic: Topic, for retention: TimeAmount) {
        let now = self.eventLoop.now
        topic.emptySince = now
        topic.machine.rest()
        self.idleHistoryBytes += topic.historyBytes
        self.recount(topic)
        self.idleTopics[topic.key.space, default: IdleTopics()].append(topic)
        self.startWheel()
        self.boundHistories(sparing: nil)
        self.reportHistories()
    }

    /// Somebody has come.
    func wake(_ topic: Topic) {
        guard topic.emptySince != nil else { return }
        self.takeFromIdle(topic)
        topic.machine.wake()
        self.measure(topic)
        self.reportHistories()
    }

    /// Something was said, or thrown away.
    func measure(_ topic: Topic) {
        self.recount(topic)
        self.boundHistories(sparing: topic)
    }

    private func recount(_ topic: Topic) {
        let isIdle = topic.emptySince != nil
        let bytes = topic.machine.history.memoryBytes + (isIdle ? Topic.overhead(of: topic.key) : 0)
        if isIdle { self.idleHistoryBytes += bytes - topic.historyBytes }
        self.metrics.historyBytes += bytes - topic.historyBytes
        topic.historyBytes = bytes
    }

    /// Forgets topics that have been empty for as long as their space retains them.
    func forgetIdleTopics(now: NIODeadline) {
        guard !self.idleTopics.isEmpty else { return }
        for space in Array(self.idleTopics.keys) {
            let retention = self.configuration.policy(of: space).retention
            while let topic = self.idleTopics[space]?.first, let emptySince = topic.emptySince,
                emptySince + retention <= now
            {
                self.forget(topic)
            }
        }
        self.reportHistories()
    }

    func forget(_ topic: Topic) {
        if topic.emptySince != nil { self.takeFromIdle(topic) }
        self.metrics.historyBytes -= topic.historyBytes
        topic.historyBytes = 0
        self.topics[topic.key] = nil
        if let stored = topic.stored {
            self.heldHistoryBytes -= stored.heldBytes
            stored.heldBytes = 0
            if !topic.machine.history.isEmpty { self.removeHistory(of: topic.key) }
        }
        self.configuration.policy(of: topic.key.space).limit.close(topic.key.name)
        self.metrics.topics -= 1
    }

    private func takeFromIdle(_ topic: Topic) {
        topic.emptySince = nil
        self.idleHistoryBytes -= topic.historyBytes
        self.idleTopics[topic.key.space]?.remove(topic)
        if self.idleTopics[topic.key.space]?.isEmpty == true { self.idleTopics[topic.key.space] = nil }
    }

    /// Histories nobody looks at go first, the oldest before the others; then the oldest of what was said in `topic`.
    private func boundHistories(sparing topic: Topic?) {
        while self.metrics.historyBytes > self.maximumHistoryBytes, self.forgetOldestIdleTopic() {}
        guard let topic, self.topics[topic.key] === topic else { return }
        while self.metrics.historyBytes > self.maximumHistoryBytes, let oldest = topic.machine.oldestDiscardable {
            self.willDiscard(upTo: oldest, of: topic)
            topic.machine.discardOldest()
            self.recount(topic)
            self.metrics.discardedPublications += 1
        }
    }

    private func forgetOldestIdleTopic() -> Bool {
        let oldest = self.idleTopics.values.compactMap(\.first).min {
            ($0.emptySince ?? .distantFuture) < ($1.emptySince ?? .distantFuture)
        }
        guard let oldest else { return false }
        self.forget(oldest)
        self.metrics.evictedTopics += 1
        return true
    }

    /// The process as a whole is short of memory: half goes of what it can do without, lines that can be rendered anew first.
    private func shedHistories() {
        self.giveUpHeld()
        let target = (self.idleHistoryBytes + self.renderedBytes) / 2
        self.forgetRendered()
        while self.idleHistoryBytes > target, self.forgetOldestIdleTopic() {}
        self.reportHistories()
    }

    func reportHistories() {
        guard let ledger = self.configuration.memory else { return }
        let holding: MemoryLedger.Holding
        if let opened = self.historyHolding {
            holding = opened
        } else {
            let shard = NIOLoopBound(WeakShard(shard: self), eventLoop: self.eventLoop)
            let eventLoop = self.eventLoop
            // Not at once: whoever ends up here may be in the middle of something.
            holding = ledger.open(.history) { eventLoop.execute { shard.value.shard?.shedHistories() } }
            self.historyHolding = holding
        }
        holding.update(bytes: self.idleHistoryBytes + self.renderedBytes + self.heldHistoryBytes)
    }
}

private struct WeakShard {
    weak var shard: Shard?
}
