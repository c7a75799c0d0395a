internal import NIOCore
internal import ParleyModel

/// What happens in a topic, decided: a value without loop, socket, clock or chance.
///
/// Membership, uniqueness, limits, history and offsets are decided here and nowhere else. With the ordering `home` a command is
/// decided at once; with `broker` it is proposed, and applied when the log says what has become of it.
///
/// Effects are to be performed after each command, before the next: what an encoder sees is the topic after that command.
struct TopicMachine: Sendable {
    enum Ordering: Sendable {
        case home
        /// - Parameter maximumHeldBytes: What may wait for the broker, of publications.
        case broker(NodeIncarnation, maximumHeldBytes: Int = 4 << 20)
    }

    let policy: HistoryPolicy
    /// Where the topic is: each join, leave and publication moves it by one.
    var position: StreamPosition
    var members = MemberList()
    var history = History()
    /// `nil` with the ordering `home`.
    var broker: BrokerSide? {
        get { self.brokerSide.first }
        _modify {
            var side = self.brokerSide.popLast()
            defer { if let side { self.brokerSide.append(side) } }
            yield &side
        }
    }
    /// One or none: most topics are decided at home, and have no room for what a broker has to be remembered of.
    private var brokerSide: [BrokerSide] = []

    /// - Parameter epoch: Of this life of the topic; with a broker it counts for nothing until the broker has told its own.
    init(epoch: UInt64, policy: HistoryPolicy, ordering: Ordering = .home) {
        self.policy = policy
        self.position = StreamPosition(epoch: epoch, offset: 0)
        if case .broker(let incarnation, let bytes) = ordering {
            self.broker = BrokerSide(incarnation: incarnation, maximumHeldBytes: bytes)
        }
    }

    /// - Parameters:
    ///   - now: When a publication is said to have been said.
    ///   - effects: Appended to, and kept by the caller, so that a publication allocates nothing here.
    mutating func receive(
        _ command: TopicCommand,
        at now: WallTime,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard self.isAtHome else { return self.receiveInCluster(command, at: now, into: &effects) }
        switch command {
        case .join(let join, let format): self.join(join, format, into: &effects)
        case .leave(let client): self.leave(client, into: &effects)
        case .publish(let publish): self.publish(publish, at: now, into: &effects)
        case .accepted, .answered, .state, .fetched, .trimmed, .tail, .brokerLost, .brokerBack, .holdExpired: break
        }
    }

    /// Whether what happens is decided at once.
    var isAtHome: Bool { self.brokerSide.isEmpty }

    /// The same, for who can afford a list.
    mutating func receive(_ command: TopicCommand, at now: WallTime) -> ContiguousArray<TopicEffect> {
        var effects: ContiguousArray<TopicEffect> = []
        self.receive(command, at: now, into: &effects)
        return effects
    }

    // MARK: Decided at once

    private mutating func join(
        _ join: TopicJoin,
        _ format: FormatID,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        switch self.members.decide(join) {
        case .refuse(let reason):
            effects.append(.refuse(join.member.client, reason))
        case .replace(let present):
            self.position.offset += 1
            self.members.replace(present.member.client, with: join.member, format: format)
            if let old = present.format { effects.append(.expel(present.member.client, old, .replaced)) }
            effects.append(.admit(join.member, format))
            effects.append(.deliver(.replaced(present.member, by: join.member), excluding: nil))
        case .admit(let holdsName):
            self.position.offset += 1
            self.members.append(join.member, format: format, holdsName: holdsName)
            effects.append(.admit(join.member, format))
            effects.append(.deliver(.joined(join.member), excluding: nil))
        }
    }

    private mutating func leave(_ client: ClientID, into effects: inout ContiguousArray<TopicEffect>) {
        guard let entry = self.members.remove(client) else { return }
        self.position.offset += 1
        if let format = entry.format { effects.append(.release(client, format)) }
        effects.append(.deliver(.left(entry.member), excluding: nil))
        if self.members.isEmpty { effects.append(.emptied) }
    }

    private mutating func publish(
        _ publish: TopicPublish,
        at now: WallTime,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let sender = self.members.sender(of: publish), !self.history.refuses(self.policy) else {
            if let client = publish.member {
                effects.append(.refusePublication(client, wantsCompletion: publish.wantsCompletion))
            }
            return
        }
        self.position.offset += 1
        let publication = Publication(
            offset: self.position.offset,
            time: now,
            sender: sender,
            payload: self.policy.limit > 0 ? publish.payload.detached() : publish.payload
        )
        if self.policy.limit > 0 { self.history.append(publication, policy: self.policy) }
        self.expire(at: now)
        effects.append(.deliver(.published(publication), excluding: publish.excluding))
        if publish.wantsCompletion, let client = publish.member { effects.append(.complete(client)) }
    }

    /// Whether somebody is there, or on the way, or about to say something.
    var isInUse: Bool { !self.members.isEmpty || !self.isAtHome && self.broker?.isIdle == false }

    // MARK: Recovery

    /// What was said behind a place, oldest first; `nil` when not all of it is kept, or the place is none of this log's.
    func publications(after place: StreamPosition) -> [Publication]? {
        let lost = self.policy.limit > 0 ? self.history.discardedThrough : self.position.offset
        guard place.epoch == self.position.epoch, place.offset >= lost, place.offset <= self.position.offset else {
            return nil
        }
        var publications: [Publication] = []
        self.history.forEach(from: place.offset + 1) { publications.append($0) }
        return publications
    }

    /// What is too old is forgotten.
    mutating func expire(at now: WallTime) {
        guard let age = self.policy.maximumAge else { return }
        self.history.discard(before: WallTime(milliseconds: now.milliseconds - age.nanoseconds / 1_000_000))
    }

    // MARK: Memory

    /// Nobody is there: what is kept becomes as small as it can be.
    mutating func rest() {
        self.members = MemberList()
        self.history.pack()
    }

    mutating func wake() { self.history.unpack() }

    /// The publication that ``discardOldest()`` would discard; `nil`: the newest stays.
    var oldestDiscardable: UInt64? { self.history.count > 1 ? self.history.offsets?.lowerBound : nil }

    mutating func discardOldest() { self.history.discardOldest() }

    /// The last publication that the history would lose by `command`; `nil`: it loses none.
    func lastDiscarded(by command: TopicCommand) -> UInt64? {
        guard self.policy.limit > 0 else { return nil }
        switch command {
        case .publish(let publish):
            guard self.isAtHome, !self.history.refuses(self.policy) else { return nil }
            return self.history.lastDiscarded(bytes: publish.payload.byteCount, policy: self.policy)
        case .accepted(let record):
            guard case .published(let said) = record.change else { return nil }
            let bytes = said.reduce(0) { $0 + $1.publication.payload.byteCount }
            return self.history.lastDiscarded(byAppending: said.count, bytes: bytes, policy: self.policy)
        case .join, .leave, .answered, .state, .fetched, .trimmed, .tail, .brokerLost, .brokerBack, .holdExpired:
            return nil
        }
    }

    /// Whether somebody has to go for it, as things are.
    func replacesSomebody(_ join: TopicJoin) -> Bool {
        guard join.uniqueness == .replace, case .replace = self.members.decide(join) else { return false }
        return true
    }
}
