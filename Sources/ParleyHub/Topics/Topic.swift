internal import NIOCore
internal import ParleyModel

/// A topic on its home shard, which alone orders what happens in it.
final class Topic: TopicView {
    let key: TopicKey
    /// What happens in it.
    var machine: TopicMachine
    /// `nil`: no store has its history.
    let stored: StoredTopic?
    /// Who is told what is said, and is no member.
    var listeners: [TopicListener] = []
    /// When the last member left; `nil` while somebody is here.
    var emptySince: NIODeadline?
    /// What the shard has counted for its history.
    var historyBytes = 0
    /// When members that hear snapshots hear the next one.
    var snapshots = SnapshotSchedule()
    /// What the shard has counted for the lines in ``formats``.
    var renderedBytes = 0
    /// Its neighbours among those that nobody is in. Their shard holds on to all of them.
    unowned var previousIdle: Topic?
    unowned var nextIdle: Topic?
    /// For each wire format in use here, how many subscribers of it each shard has.
    private(set) var formats: [FormatUse] = []

    struct FormatUse {
        let format: FormatID
        var subscribersByShard: [Int]
        var total: Int
        /// What is told in place of single events; `nil`: single events.
        let lines: SnapshotLines?
    }

    init(
        key: TopicKey,
        epoch: UInt64,
        policy: HistoryPolicy = HistoryPolicy(),
        ordering: TopicMachine.Ordering = .home
    ) {
        self.key = key
        self.machine = TopicMachine(epoch: epoch, policy: policy, ordering: ordering)
        self.stored = self.machine.isAtHome ? nil : StoredTopic()
    }

    var name: TopicName { self.key.name }

    /// What a topic holds in memory beside its history, about: itself, its name in three tables, its lists.
    static func overhead(of key: TopicKey) -> Int { 512 + 3 * key.name.value.utf8.count }

    func forEachMember(_ body: (Member) -> Void) { self.machine.members.forEach(body) }
    func forEachPublication(_ body: (Publication) -> Void) { self.machine.history.forEach(body) }

    /// What is rendered for members of `format`, if they hear snapshots.
    func lines(of format: FormatID) -> SnapshotLines? {
        self.formats.first { $0.format == format }?.lines
    }

    /// - Parameter snapshots: How `format` tells snapshots, if it does.
    func addSubscriber(format: FormatID, snapshots: (any SnapshotFormat)?, shard: Int, shards: Int) {
        if let index = self.formats.firstIndex(where: { $0.format == format }) {
            self.formats[index].subscribersByShard[shard] += 1
            self.formats[index].total += 1
        } else {
            var counts = [Int](repeating: 0, count: shards)
            counts[shard] = 1
            self.formats.append(
                FormatUse(
                    format: format,
                    subscribersByShard: counts,
                    total: 1,
                    lines: snapshots.map(SnapshotLines.init)
                )
            )
        }
    }

    func removeSubscriber(format: FormatID, shard: Int) {
        guard let index = self.formats.firstIndex(where: { $0.format == format }) else { return }
        self.formats[index].subscribersByShard[shard] -= 1
        self.formats[index].total -= 1
        if self.formats[index].total == 0 { self.formats.remove(at: index) }
    }
}
