internal import NIOCore
internal import ParleyModel

/// Snapshots, of lines that are kept as they were rendered: one for each event of a quiet topic, one a tick of a busy one.
///
/// What is told to one connection alone in the same tick (a pong, say) may come before one that waits for the end.
extension Shard {
    /// Lines of snapshots that this shard may keep rendered: half as much as histories may have. Topics are spread evenly.
    private var maximumRenderedBytes: Int { self.maximumHistoryBytes / 2 }

    /// Something happened in `topic` that snapshots show.
    func snapshotNeeded(of topic: Topic) {
        if topic.snapshots.beginTick() {
            self.snapshotTopics.append(topic)
            self.scheduleFlush()
        }
        let budget = self.configuration.maximumSnapshotBytes
        switch topic.snapshots.happened(at: topic.machine.position.offset, budget: budget) {
        case .tellNow: self.tellSnapshot(of: topic)
        case .tellAtEndOfTick, .none: break
        }
    }

    /// The history of `topic` is about to lose what it has up to `offset`.
    func willDiscard(upTo offset: UInt64, of topic: Topic) {
        switch topic.snapshots.discards(upTo: offset) {
        case .tellFirst: self.tellSnapshot(of: topic)
        case .none: break
        }
    }

    /// The end of a tick.
    func tellSnapshots() {
        guard !self.snapshotTopics.isEmpty else { return }
        for topic in self.snapshotTopics {
            self.tellSnapshot(of: topic)
            topic.snapshots.endTick()
        }
        self.snapshotTopics.removeAll(keepingCapacity: true)
        self.reportHistories()
    }

    /// Tells `topic` as it is to all members that hear snapshots, if anything has happened that they have not seen.
    func tellSnapshot(of topic: Topic) {
        guard topic.snapshots.isDue else { return }
        var bytes = 0
        for use in topic.formats {
            guard let lines = use.lines else { continue }
            lines.follow(topic.machine.history)
            let snapshotBytes = self.distribute(to: use, of: topic, excluding: nil) {
                lines.format.encodeSnapshot(of: topic, lines: lines.bytes, into: &$0)
            }
            bytes += snapshotBytes * use.total
        }
        topic.snapshots.told(bytes: bytes)
        self.recountRendered(topic)
        if self.renderedBytes > self.maximumRenderedBytes { self.forgetRendered() }
    }

    /// Tells `connection`, which is about to leave `topic`, what happened there before.
    func tellLastSnapshot(of topic: LocalTopic, to connection: Connection) {
        guard !self.snapshotTopics.isEmpty, topic.home == self.index, let home = self.topics[topic.key],
            home.snapshots.isDue, let lines = home.lines(of: connection.format)
        else { return }
        self.notePending()
        self.prepareArena()
        lines.follow(home.machine.history)
        let range = self.arena.appendPublication {
            lines.format.encodeSnapshot(of: home, lines: lines.bytes, into: &$0)
        }
        self.metrics.deliveries += 1
        self.note(range, messages: 1, for: connection, now: self.eventLoop.now)
    }

    // MARK: What is kept

    func recountRendered(_ topic: Topic) {
        let bytes = topic.formats.reduce(0) { $0 + ($1.lines?.memoryBytes ?? 0) }
        self.renderedBytes += bytes - topic.renderedBytes
        topic.renderedBytes = bytes
    }

    /// The history of `topic` may be another than it was.
    func forgetRendered(of topic: Topic) {
        for use in topic.formats { use.lines?.clear() }
        self.recountRendered(topic)
    }

    /// Lines can be rendered anew: all go at once, so that topics that are silent have no advantage over others.
    func forgetRendered() {
        guard self.renderedBytes > 0 else { return }
        for topic in self.topics.values where topic.renderedBytes > 0 {
            for use in topic.formats { use.lines?.clear() }
            topic.renderedBytes = 0
        }
        self.renderedBytes = 0
    }
}
