internal import NIOCore
internal import ParleyModel

/// Topics whose histories are in a store: what happens there is decided by their log, written at the end of the tick, and told when
/// the store has it. The store answers by mail, as another shard would.
extension Shard {
    /// Bytes of publications that may wait in one topic for a store.
    static let maximumHeldBytes = 1 << 20
    /// So long at least histories that an earlier process has left wait for somebody to come back.
    static let minimumGrace = TimeAmount.seconds(60)
    /// Pause before a history that could not be read is asked for again.
    private static let readPause = TimeAmount.milliseconds(500)

    /// Takes over what an earlier process has left.
    func adopt(_ topics: [TopicKey]) {
        self.unopenedTopics = Set(topics)
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        for space in Set(topics.map(\.space)) {
            let grace = max(self.configuration.policy(of: space).retention, Self.minimumGrace)
            self.eventLoop.scheduleTask(in: grace) { bound.value.forgetUnopened(of: space) }
        }
    }

    private func forgetUnopened(of space: SpaceID) {
        let keys = self.unopenedTopics.filter { $0.space == space }
        // Those that somebody is about to open wait for that.
        for key in keys where self.topics[key] == nil { self.removeHistory(of: key) }
        guard keys.contains(where: { self.topics[$0] != nil }) else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.scheduleTask(in: Self.minimumGrace) { bound.value.forgetUnopened(of: space) }
    }

    func removeHistory(of key: TopicKey) {
        self.unopenedTopics.remove(key)
        self.historyWriter.remove(key)
        self.scheduleFlush()
    }

    // MARK: Reading

    /// The log of a topic is asked for its state.
    func loadHistory(of topic: Topic) {
        guard let stored = topic.stored else { return }
        if stored.log != nil, let publications = stored.loaded { return self.restore(topic, publications) }
        guard self.unopenedTopics.contains(topic.key) || stored.log != nil else { return self.opened(topic, []) }
        guard let histories = self.configuration.histories else { return }
        let (key, home) = (topic.key, self.peers[self.index])
        Task {
            let result: Result<[StoredPublication], StoreError>
            do {
                let publications = try await histories.watch.watching(.read) {
                    try await histories.store.publications(in: key)
                }
                result = .success(publications)
            } catch {
                result = .failure(StoreError(of: error))
            }
            home.post([.historyLoaded(key, result)])
        }
    }

    func historyLoaded(_ key: TopicKey, _ result: Result<[StoredPublication], StoreError>) {
        guard let topic = self.topics[key], let stored = topic.stored else { return }
        switch result {
        case .success(let entries):
            self.opened(topic, entries.map(\.publication))
        case .failure:
            let now = self.eventLoop.now
            if stored.unreadableSince == nil { self.tell(topic, .brokerLost) }
            let since = stored.unreadableSince ?? now
            stored.unreadableSince = since
            if now - since >= self.configuration.maximumHold { self.tell(topic, .holdExpired) }
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.eventLoop.scheduleTask(in: Self.readPause) {
                guard let topic = bound.value.topics[key] else { return }
                bound.value.loadHistory(of: topic)
            }
        }
    }

    private func opened(_ topic: Topic, _ publications: [Publication]) {
        guard let stored = topic.stored else { return }
        if stored.log == nil {
            stored.log = TopicLog(
                epoch: self.context.random.next(),
                policy: topic.machine.policy,
                stored: publications
            )
        }
        stored.loaded = publications
        guard stored.unreadableSince != nil else { return self.restore(topic, publications) }
        stored.unreadableSince = nil
        self.tell(topic, .brokerBack)
    }

    private func restore(_ topic: Topic, _ publications: [Publication]) {
        guard var state = topic.stored?.log?.state(for: self.configuration.incarnation) else { return }
        // Not before: who has waited for it may be gone, and the topic is forgotten as it was.
        self.unopenedTopics.remove(topic.key)
        topic.stored?.loaded = nil
        state.publications = publications
        self.tell(topic, .state(state))
    }

    // MARK: Writing

    /// A topic proposes to its log, which decides; publications are told when they are written.
    func write(_ batch: TopicBatch, of topic: Topic) {
        guard let (answer, record) = topic.stored?.log?.append(batch) else { return }
        guard let record else { return self.tell(topic, .answered(number: batch.number, answer)) }
        guard case .published = record.change else { return self.tell(topic, .accepted(record)) }
        self.historyWriter.add(
            HistoryWriter.Decision(topic: topic.key, record: record),
            keeping: topic.machine.policy.limit
        )
        self.scheduleFlush()
    }

    /// Takes note of what waits in `topic` for the store.
    func countHeld(of topic: Topic, _ stored: StoredTopic) {
        let bytes = topic.machine.broker?.waitingBytes ?? 0
        guard bytes != stored.heldBytes, self.topics[topic.key] === topic else { return }
        self.heldHistoryBytes += bytes - stored.heldBytes
        stored.heldBytes = bytes
        // Reported at the end of the tick: as a rule little waits, and not for long.
        self.scheduleFlush()
    }

    /// The process is short of memory: what waits for a store that does not work waits no longer.
    func giveUpHeld() {
        guard self.heldHistoryBytes > 0 else { return }
        for topic in self.topics.values where topic.stored?.heldBytes ?? 0 > 0 { self.tell(topic, .holdExpired) }
    }

    /// The end of a tick.
    func writeHistories() {
        if self.heldHistoryBytes > 0 || self.isHeldReported {
            self.isHeldReported = self.heldHistoryBytes > 0
            self.reportHistories()
        }
        guard let write = self.historyWriter.begin() else { return }
        self.perform(write)
    }

    private func perform(_ write: HistoryWriter.Write) {
        guard let histories = self.configuration.histories else { return }
        let home = self.peers[self.index]
        Task {
            let result: Result<Void, StoreError>
            do {
                try await histories.watch.watching(.write) {
                    if !write.removals.isEmpty { try await histories.store.remove(Array(write.removals)) }
                    if !write.publications.isEmpty {
                        try await histories.store.append(write.publications, keeping: write.limits)
                    }
                }
                result = .success(())
            } catch {
                result = .failure(StoreError(of: error))
            }
            home.post([.historyWritten(result)])
        }
    }

    func historyWritten(_ result: Result<Void, StoreError>) {
        switch result {
        case .success:
            let (decisions, back) = self.historyWriter.succeeded()
            for decision in decisions {
                guard let topic = self.topics[decision.topic] else { continue }
                self.tell(topic, .accepted(decision.record))
            }
            for key in back {
                if let topic = self.topics[key] { self.tell(topic, .brokerBack) }
            }
            if self.historyWriter.isDue { self.scheduleFlush() }
        case .failure:
            let failure = self.historyWriter.failed(now: self.eventLoop.now)
            for key in failure.waiting {
                if let topic = self.topics[key] { self.tell(topic, .brokerLost) }
            }
            for key in failure.expired {
                if let topic = self.topics[key] { self.tell(topic, .holdExpired) }
            }
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.eventLoop.scheduleTask(deadline: failure.retry) {
                guard let write = bound.value.historyWriter.current else { return }
                bound.value.perform(write)
            }
        }
    }
}
