internal import NIOCore
internal import ParleyModel

/// When what topics have decided goes to the store of histories: a tick's decisions in one write, one write at a time, again and
/// again until it has succeeded. Nobody hears of a decision before that.
///
/// A value: whoever has the store does what it says, and tells how that went.
struct HistoryWriter {
    /// A record of publications that nobody has heard of.
    struct Decision: Sendable {
        let topic: TopicKey
        let record: TopicRecord
    }

    /// Removals go first: a topic that was forgotten may have begun anew.
    struct Write: Sendable, Equatable {
        var removals: Set<TopicKey> = []
        var publications: [StoredPublication] = []
        /// How many publications of a topic stay.
        var limits: [TopicKey: Int] = [:]

        var isEmpty: Bool { self.removals.isEmpty && self.publications.isEmpty }
    }

    /// What a failed write means.
    struct Failure: Equatable {
        /// Topics that have to wait, and have not been told so.
        let waiting: Set<TopicKey>
        /// Topics that have waited for as long as anything may.
        let expired: Set<TopicKey>
        let retry: NIODeadline
    }

    private static let delays: [TimeAmount] = [.milliseconds(50), .milliseconds(200), .seconds(1)]

    /// For so long decisions wait for a store that does not work, and everything behind them.
    let hold: TimeAmount
    private var decisions: [Decision] = []
    private var write = Write()
    private var writtenDecisions: [Decision] = []
    private var written: Write?
    private var failures = 0
    private var failingSince: NIODeadline?
    private var toldToWait: Set<TopicKey> = []

    init(hold: TimeAmount = .seconds(10)) {
        self.hold = hold
    }

    /// Whether there is something to begin.
    var isDue: Bool { self.written == nil && !self.write.isEmpty }

    /// - Parameter limit: How many publications of the topic stay.
    mutating func add(_ decision: Decision, keeping limit: Int) {
        guard case .published(let said) = decision.record.change else { return }
        self.decisions.append(decision)
        for item in said {
            let entry = StoredPublication(
                topic: decision.topic,
                epoch: decision.record.position.epoch,
                publication: item.publication
            )
            self.write.publications.append(entry)
        }
        self.write.limits[decision.topic] = limit
    }

    /// A topic is forgotten, and with it what was decided last, if nobody has heard of that.
    mutating func remove(_ topic: TopicKey) {
        self.write.removals.insert(topic)
        guard self.write.limits.removeValue(forKey: topic) != nil else { return }
        self.decisions.removeAll { $0.topic == topic }
        self.write.publications.removeAll { $0.topic == topic }
    }

    /// The end of a tick.
    /// - Returns: What is to be written now, if anything.
    mutating func begin() -> Write? {
        guard self.isDue else { return nil }
        let write = self.write
        self.written = write
        self.writtenDecisions = self.decisions
        self.write = Write()
        self.decisions = []
        return write
    }

    /// - Returns: What may be told to everybody, in order, and the topics that need not wait any more.
    mutating func succeeded() -> (decisions: [Decision], back: Set<TopicKey>) {
        defer {
            self.written = nil
            self.writtenDecisions = []
            self.failures = 0
            self.failingSince = nil
            self.toldToWait = []
        }
        return (self.writtenDecisions, self.toldToWait)
    }

    mutating func failed(now: NIODeadline) -> Failure {
        let since = self.failingSince ?? now
        self.failingSince = since
        let delay = Self.delays[min(self.failures, Self.delays.count - 1)]
        self.failures += 1
        let topics = Set(self.writtenDecisions.map(\.topic)).union(self.decisions.map(\.topic))
        let waiting = topics.subtracting(self.toldToWait)
        self.toldToWait.formUnion(waiting)
        return Failure(
            waiting: waiting,
            expired: now - since >= self.hold ? topics : [],
            retry: now + delay
        )
    }

    /// What failed, to be tried again.
    var current: Write? { self.written }
}
