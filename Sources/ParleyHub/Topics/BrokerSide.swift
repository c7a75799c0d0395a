internal import NIOCore
internal import ParleyModel

/// What a ``TopicMachine`` remembers of its broker: what waits for it, what is under way, how far the log is known to go.
struct BrokerSide: Sendable {
    enum Proposal: Sendable {
        case join(TopicJoin, FormatID)
        case leave(ClientID)
        case publish(TopicPublish)

        var client: ClientID? {
            switch self {
            case .join(let join, _): join.member.client
            case .leave(let client): client
            case .publish(let publish): publish.member
            }
        }

        var byteCount: Int {
            guard case .publish(let publish) = self else { return 0 }
            return publish.payload.byteCount
        }
    }

    struct InFlight: Sendable {
        let batch: TopicBatch
        /// What the batch was made of, in its order.
        let proposals: [Proposal]
    }

    /// Origins of the latest records, so that what comes twice is told from what must not be.
    private static let maximumRecent = 64

    let incarnation: NodeIncarnation
    let maximumHeldBytes: Int
    var isUp = true
    /// Whether members, history and position are those of the log.
    var isSynced = false
    var isStateRequested = false
    /// Where the records begin that are being fetched.
    var fetchingAfter: StreamPosition?
    /// The highest place that the log is known to have.
    var heard: StreamPosition?
    /// Nothing is proposed before this is applied.
    var mustReach: UInt64 = 0
    var queue: CircularBuffer<Proposal> = []
    var heldBytes = 0
    var inFlight: InFlight?
    var nextNumber: UInt64 = 1
    /// Members of this node.
    var localCount = 0
    /// What a state has told is not asked where it came from.
    var floor: UInt64 = 0
    private var recent: CircularBuffer<(offset: UInt64, origin: TopicRecord.Origin?)> = []

    init(incarnation: NodeIncarnation, maximumHeldBytes: Int) {
        self.incarnation = incarnation
        self.maximumHeldBytes = maximumHeldBytes
    }

    func isLocal(_ client: ClientID) -> Bool { client.incarnation == self.incarnation }

    /// Whether nobody of this node is there, or waits for anything.
    var isIdle: Bool {
        !self.isStateRequested && self.localCount == 0 && self.queue.isEmpty && self.inFlight == nil
    }

    /// Bytes of publications that nobody has heard of.
    var waitingBytes: Int {
        self.heldBytes + (self.inFlight?.proposals.reduce(0) { $0 + $1.byteCount } ?? 0)
    }

    /// - Returns: Whether there was room for it.
    mutating func enqueue(_ proposal: Proposal) -> Bool {
        let bytes = proposal.byteCount
        guard bytes == 0 || self.heldBytes + bytes <= self.maximumHeldBytes || self.queue.isEmpty else { return false }
        self.heldBytes += bytes
        self.queue.append(proposal)
        return true
    }

    /// What can travel together from the head of the queue.
    mutating func takeBatch() -> [Proposal] {
        guard let first = self.takeFirst() else { return [] }
        var proposals = [first]
        guard case .publish = first else { return proposals }
        var bytes = first.byteCount
        while proposals.count < TopicBatch.maximumPublications, case .publish(let next)? = self.queue.first,
            bytes + next.payload.byteCount <= TopicBatch.maximumBytes, let proposal = self.takeFirst()
        {
            bytes += proposal.byteCount
            proposals.append(proposal)
        }
        return proposals
    }

    private mutating func takeFirst() -> Proposal? {
        guard let first = self.queue.popFirst() else { return nil }
        self.heldBytes -= first.byteCount
        return first
    }

    /// What was proposed in vain goes first when it is proposed again.
    mutating func putBack(_ proposals: [Proposal]) {
        for proposal in proposals.reversed() {
            self.heldBytes += proposal.byteCount
            self.queue.prepend(proposal)
        }
    }

    /// - Returns: What waited, and does not any more.
    mutating func removeQueued(where isRemoved: (Proposal) -> Bool) -> [Proposal] {
        let removed = Array(self.queue.lazy.filter(isRemoved))
        guard !removed.isEmpty else { return [] }
        self.queue.removeAll(where: isRemoved)
        self.heldBytes -= removed.reduce(0) { $0 + $1.byteCount }
        return removed
    }

    mutating func note(_ record: TopicRecord) {
        self.recent.append((record.position.offset, record.origin))
        if self.recent.count > Self.maximumRecent { self.recent.removeFirst() }
    }

    mutating func forgetRecent() { self.recent.removeAll() }

    /// Whether a record at or below the applied place is one that was applied; so is taken what is too old to tell, as a log that
    /// has lost that much shows it by its tail.
    func knows(_ record: TopicRecord) -> Bool {
        record.position.offset <= self.floor || record.position.offset < self.recent.first?.offset ?? 0
            || self.recent.contains { $0.offset == record.position.offset && $0.origin == record.origin }
    }

    mutating func hear(_ position: StreamPosition) {
        guard let heard = self.heard, heard.epoch == position.epoch else {
            self.heard = position
            return
        }
        if position.offset > heard.offset { self.heard = position }
    }
}
