internal import NIOCore
internal import ParleyModel

/// The log of one topic: decides what many nodes propose, one batch after another, and remembers what it has decided.
///
/// A value, so that whoever keeps it says when its decisions count.
struct TopicLog: Sendable {
    /// Records kept for nodes that have a hole to fill, however little history the topic has.
    static let minimumRecords = 256

    /// What it keeps of what it has decided.
    private enum Keeping: Sendable {
        /// Publications, and records.
        case everything
        /// Nothing: a store has the publications, and the one node that asks has no holes.
        case nothing
    }

    /// What of one proposer is known.
    private struct Proposed: Sendable {
        var number: UInt64 = 0
        var answer: TopicAnswer?
        /// Where others have removed one of its members last.
        var removal: UInt64 = 0
    }

    let policy: HistoryPolicy
    private let keeping: Keeping
    private(set) var position: StreamPosition
    private(set) var members = MemberList()
    private var history = History()
    /// How many publications the history has, wherever that is.
    private var publicationCount = 0
    private var records: CircularBuffer<TopicRecord> = []
    private var proposers: [NodeIncarnation: Proposed] = [:]

    /// The log of a topic of which nothing is known.
    init(epoch: UInt64, policy: HistoryPolicy) {
        self.position = StreamPosition(epoch: epoch, offset: 0)
        self.policy = policy
        self.keeping = .everything
    }

    /// A new epoch of a topic whose publications a store has: offsets go on behind theirs.
    init(epoch: UInt64, policy: HistoryPolicy, stored publications: [Publication]) {
        self.position = StreamPosition(epoch: epoch, offset: publications.last?.offset ?? 0)
        self.policy = policy
        self.keeping = .nothing
        self.publicationCount = min(publications.count, policy.limit)
    }

    var isEmpty: Bool { self.members.isEmpty && self.publicationCount == 0 }

    func state(for incarnation: NodeIncarnation) -> TopicState {
        TopicState(
            position: self.position,
            members: self.members.all.map { PresentMember(member: $0, holdsName: self.members.holdsName($0)) },
            publications: self.history.all,
            lastNumber: self.proposers[incarnation]?.number ?? 0
        )
    }

    /// - Returns: `nil` when they are not all there.
    func records(after position: StreamPosition) -> [TopicRecord]? {
        guard position.epoch == self.position.epoch, position.offset <= self.position.offset else { return nil }
        let later = self.records.filter { $0.position.offset > position.offset }
        guard let first = later.first else { return position == self.position ? [] : nil }
        return first.position.offset - first.count == position.offset ? Array(later) : nil
    }

    /// - Returns: What to answer, and what to tell every node if it is news.
    mutating func append(_ batch: TopicBatch) -> (answer: TopicAnswer, record: TopicRecord?) {
        let known = self.proposers[batch.proposer] ?? Proposed()
        if known.number == batch.number, let answer = known.answer { return (answer, nil) }
        guard batch.applied.epoch == self.position.epoch else { return (.otherEpoch, nil) }
        guard known.removal <= batch.applied.offset else { return (.behind(self.position), nil) }
        // A packet of a connection that is gone, with a number that was settled since.
        guard batch.number > known.number else { return (.otherEpoch, nil) }
        let (answer, record) = self.decide(batch)
        var proposed = self.proposers[batch.proposer] ?? Proposed()
        proposed.number = batch.number
        proposed.answer = answer
        self.proposers[batch.proposer] = proposed
        return (answer, record)
    }

    /// Removes the members of a node that was given up, each by one leave.
    mutating func reap(_ incarnation: NodeIncarnation) -> [TopicRecord] {
        self.members.all.filter { $0.client.incarnation == incarnation }.map { member in
            self.members.remove(member.client)
            self.position.offset += 1
            self.noteRemoval(of: member.client, by: nil)
            return self.keep(.left(member.client), origin: nil, accepted: 0)
        }
    }

    // MARK: Deciding

    private mutating func decide(_ batch: TopicBatch) -> (TopicAnswer, TopicRecord?) {
        let origin = TopicRecord.Origin(proposer: batch.proposer, number: batch.number)
        switch batch.content {
        case .join(let join):
            return self.join(join, origin)
        case .leave(let client):
            guard self.members.remove(client) != nil else { return self.nothing }
            self.position.offset += 1
            self.noteRemoval(of: client, by: batch.proposer)
            return self.written(.left(client), origin, accepted: 1)
        case .publish(let publications):
            return self.publish(publications, at: batch.time, origin)
        }
    }

    private mutating func join(_ join: TopicJoin, _ origin: TopicRecord.Origin) -> (TopicAnswer, TopicRecord?) {
        let member = join.member
        guard self.members[member.client] == nil else { return self.nothing }
        switch self.members.decide(join) {
        case .refuse(let reason):
            return (.refused(reason), nil)
        case .replace(let present):
            self.position.offset += 1
            self.members.replace(present.member.client, with: member, format: nil)
            self.noteRemoval(of: present.member.client, by: origin.proposer)
            let newcomer = PresentMember(member: member, holdsName: true)
            return self.written(.replaced(present.member.client, by: newcomer), origin, accepted: 1)
        case .admit(let holdsName):
            self.position.offset += 1
            self.members.append(member, format: nil, holdsName: holdsName)
            return self.written(.joined(PresentMember(member: member, holdsName: holdsName)), origin, accepted: 1)
        }
    }

    private mutating func publish(
        _ publications: [TopicPublish],
        at time: WallTime,
        _ origin: TopicRecord.Origin
    ) -> (TopicAnswer, TopicRecord?) {
        var said: [TopicRecord.Said] = []
        var accepted: UInt64 = 0
        // What is said to nobody is said in vain.
        guard !self.isEmpty else { return self.nothing }
        for (index, publish) in publications.prefix(TopicBatch.maximumPublications).enumerated() {
            guard let sender = self.members.sender(of: publish), !self.policy.refuses(self.publicationCount) else {
                continue
            }
            self.position.offset += 1
            let publication = Publication(
                offset: self.position.offset,
                time: time,
                sender: sender,
                payload: publish.payload
            )
            self.publicationCount = min(self.publicationCount + 1, self.policy.limit)
            if case .everything = self.keeping, self.policy.limit > 0 {
                self.history.append(publication, policy: self.policy)
            }
            said.append(TopicRecord.Said(publication: publication, excluding: publish.excluding))
            accepted |= 1 << UInt64(index)
        }
        guard !said.isEmpty else { return self.nothing }
        return self.written(.published(said), origin, accepted: accepted)
    }

    private var nothing: (TopicAnswer, TopicRecord?) { (.accepted(through: self.position, accepted: 0), nil) }

    private mutating func written(
        _ change: TopicRecord.Change,
        _ origin: TopicRecord.Origin,
        accepted: UInt64
    ) -> (TopicAnswer, TopicRecord?) {
        (
            .accepted(through: self.position, accepted: accepted),
            self.keep(change, origin: origin, accepted: accepted)
        )
    }

    private mutating func noteRemoval(of client: ClientID, by remover: NodeIncarnation?) {
        guard client.incarnation != remover else { return }
        self.proposers[client.incarnation, default: Proposed()].removal = self.position.offset
    }

    private mutating func keep(
        _ change: TopicRecord.Change,
        origin: TopicRecord.Origin?,
        accepted: UInt64
    ) -> TopicRecord {
        let record = TopicRecord(position: self.position, origin: origin, accepted: accepted, change: change)
        if case .everything = self.keeping {
            self.records.append(record)
            while self.records.count > max(Self.minimumRecords, self.policy.limit) { self.records.removeFirst() }
        }
        return record
    }
}
