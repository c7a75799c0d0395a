internal import ParleyModel

/// The ordering `broker`: nothing happens before the log says that it has.
///
/// All nodes apply the same records in the same order. A record that joins on is applied, whichever way it came; one that was
/// applied is dropped; one that leaves a hole has the records before it fetched; and one that contradicts what was applied means
/// that the log was lost, and everything is asked for anew.
extension TopicMachine {
    mutating func receiveInCluster(
        _ command: TopicCommand,
        at now: WallTime,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        switch command {
        case .join(let join, let format): self.submit(.join(join, format), into: &effects)
        case .leave(let client): self.submitLeave(of: client, into: &effects)
        case .publish(let publish): self.submit(.publish(publish.detached()), into: &effects)
        case .accepted(let record): self.accept(record, into: &effects)
        case .answered(let number, let answer): self.answered(number, answer, into: &effects)
        case .state(let state): self.restore(state, into: &effects)
        case .fetched: self.fetched(into: &effects)
        case .trimmed: if self.broker?.fetchingAfter != nil { self.reset(into: &effects) }
        case .tail(let position, let asked): self.compare(position, asked: asked, into: &effects)
        case .brokerLost: self.broker?.isUp = false
        case .brokerBack: self.brokerBack(into: &effects)
        case .holdExpired: self.giveUpWaiting(into: &effects)
        }
        self.propose(at: now, into: &effects)
        if self.broker?.isIdle == true { effects.append(.emptied) }
    }

    // MARK: Proposing

    private mutating func submit(_ proposal: BrokerSide.Proposal, into effects: inout ContiguousArray<TopicEffect>) {
        if case .join(let join, _) = proposal, let reason = join.hopelessness {
            effects.append(.refuse(join.member.client, reason))
            return
        }
        if self.broker?.enqueue(proposal) == false { self.refuse(proposal, into: &effects) }
    }

    private mutating func submitLeave(of client: ClientID, into effects: inout ContiguousArray<TopicEffect>) {
        let isExpected =
            self.members[client] != nil || self.broker?.queue.contains { $0.client == client } == true
            || self.broker?.inFlight?.proposals.contains { $0.client == client } == true
        if isExpected { self.submit(.leave(client), into: &effects) }
    }

    private func refuse(_ proposal: BrokerSide.Proposal, into effects: inout ContiguousArray<TopicEffect>) {
        switch proposal {
        case .join(let join, _): effects.append(.refuse(join.member.client, .overloaded))
        case .publish(let publish):
            guard let client = publish.member else { return }
            effects.append(.refusePublication(client, wantsCompletion: publish.wantsCompletion))
        case .leave: break
        }
    }

    /// One batch at a time, so that the order of a node's proposals is theirs.
    private mutating func propose(at now: WallTime, into effects: inout ContiguousArray<TopicEffect>) {
        guard var broker = self.broker, broker.isUp, broker.inFlight == nil, !broker.queue.isEmpty else { return }
        guard broker.isSynced else { return self.requestState(into: &effects) }
        guard self.position.offset >= broker.mustReach else { return }
        self.broker = nil
        let proposals = broker.takeBatch()
        let content: TopicBatch.Content
        switch proposals[0] {
        case .join(let join, _): content = .join(join)
        case .leave(let client): content = .leave(client)
        case .publish:
            content = .publish(
                proposals.compactMap {
                    guard case .publish(let publish) = $0 else { return nil }
                    return publish
                }
            )
        }
        let batch = TopicBatch(
            proposer: broker.incarnation,
            number: broker.nextNumber,
            applied: self.position,
            time: now,
            content: content
        )
        broker.nextNumber += 1
        broker.inFlight = BrokerSide.InFlight(batch: batch, proposals: proposals)
        self.broker = broker
        effects.append(.propose(batch))
    }

    private mutating func answered(
        _ number: UInt64,
        _ answer: TopicAnswer,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let inFlight = self.broker?.inFlight, inFlight.batch.number == number else { return }
        switch answer {
        case .accepted(let position, let accepted):
            guard position.epoch == self.position.epoch else { return }
            // What was written settles the batch when it comes back, in its place among everything else.
            if accepted == 0 { self.settle(accepted: 0, into: &effects) } else { self.broker?.hear(position) }
        case .refused(let reason):
            self.broker?.inFlight = nil
            if case .join(let join, _)? = inFlight.proposals.first {
                effects.append(.refuse(join.member.client, reason))
            }
        case .behind(let position):
            self.broker?.inFlight = nil
            self.broker?.nextNumber = number
            self.broker?.putBack(inFlight.proposals)
            self.broker?.mustReach = position.offset
            self.compare(position, asked: position, into: &effects)
        case .otherEpoch:
            self.reset(into: &effects)
        }
    }

    /// What was under way has been decided.
    private mutating func settle(accepted: UInt64, into effects: inout ContiguousArray<TopicEffect>) {
        guard let inFlight = self.broker?.inFlight else { return }
        self.broker?.inFlight = nil
        for (index, proposal) in inFlight.proposals.enumerated() {
            if case .join(let join, _) = proposal, accepted == 0 {
                effects.append(.refuse(join.member.client, .duplicateUser))
            }
            guard case .publish(let publish) = proposal, let client = publish.member else { continue }
            if accepted & (1 << UInt64(index)) == 0 {
                effects.append(.refusePublication(client, wantsCompletion: publish.wantsCompletion))
            } else if publish.wantsCompletion {
                effects.append(.complete(client))
            }
        }
    }

    // MARK: Applying

    private mutating func accept(_ record: TopicRecord, into effects: inout ContiguousArray<TopicEffect>) {
        guard let broker = self.broker else { return }
        guard broker.isSynced else {
            self.broker?.hear(record.position)
            return
        }
        guard record.position.epoch == self.position.epoch else { return self.reset(into: &effects) }
        guard record.position.offset > self.position.offset else {
            if !broker.knows(record) { self.reset(into: &effects) }
            return
        }
        self.broker?.hear(record.position)
        let before = record.position.offset - record.count
        if before == self.position.offset {
            self.apply(record, into: &effects)
        } else if before < self.position.offset {
            // Half of it is known from elsewhere.
            self.reset(into: &effects)
        } else {
            self.fetch(into: &effects)
        }
    }

    private mutating func apply(_ record: TopicRecord, into effects: inout ContiguousArray<TopicEffect>) {
        guard let broker = self.broker else { return }
        self.position = record.position
        self.broker?.note(record)
        let isOwn =
            record.origin.map { $0.proposer == broker.incarnation && $0.number == broker.inFlight?.batch.number }
            ?? false
        switch record.change {
        case .joined(let present):
            self.add(present, inPlaceOf: nil, into: &effects)
        case .left(let client):
            self.remove(client, byOthers: !isOwn, into: &effects)
        case .replaced(let old, let present):
            self.add(present, inPlaceOf: old, into: &effects)
        case .published(let said):
            for item in said {
                if self.policy.limit > 0 { self.history.append(item.publication, policy: self.policy) }
                effects.append(.deliver(.published(item.publication), excluding: item.excluding))
            }
        }
        if isOwn { self.settle(accepted: record.accepted, into: &effects) }
    }

    private mutating func add(
        _ present: PresentMember,
        inPlaceOf old: ClientID?,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        let member = present.member
        let format = self.pendingFormat(of: member.client)
        let replaced = old.flatMap { self.members.entry($0) }
        if let replaced {
            self.members.replace(replaced.member.client, with: member, format: format)
            self.expel(replaced, .replaced, into: &effects)
        } else {
            self.members.append(member, format: format, holdsName: present.holdsName)
        }
        if let format {
            self.broker?.localCount += 1
            effects.append(.admit(member, format))
        } else if self.broker?.isLocal(member.client) == true {
            // Nobody waits for it any more.
            _ = self.broker?.enqueue(.leave(member.client))
        }
        let event: TopicEvent = replaced.map { .replaced($0.member, by: member) } ?? .joined(member)
        effects.append(.deliver(event, excluding: nil))
    }

    private mutating func remove(
        _ client: ClientID,
        byOthers: Bool,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let entry = self.members.remove(client) else { return }
        if byOthers {
            self.expel(entry, .insufficientState, into: &effects)
        } else if let format = entry.format {
            self.broker?.localCount -= 1
            effects.append(.release(client, format))
        }
        effects.append(.deliver(.left(entry.member), excluding: nil))
    }

    /// A member of this node is none any more: nor may it say what waits.
    private mutating func expel(
        _ entry: MemberList.Entry,
        _ reason: CloseReason,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let format = entry.format else { return }
        let client = entry.member.client
        self.broker?.localCount -= 1
        effects.append(.expel(client, format, reason))
        for proposal in self.broker?.removeQueued(where: { $0.client == client }) ?? [] {
            self.refuse(proposal, into: &effects)
        }
    }

    /// The wire format of a connection whose join is under way.
    func pendingFormat(of client: ClientID) -> FormatID? {
        guard case .join(let join, let format)? = self.broker?.inFlight?.proposals.first, join.member.client == client
        else { return nil }
        return format
    }

    // MARK: Catching up

    mutating func fetch(into effects: inout ContiguousArray<TopicEffect>) {
        guard let broker = self.broker, broker.isUp, broker.isSynced, broker.fetchingAfter == nil else { return }
        let position = self.position
        self.broker?.fetchingAfter = position
        effects.append(.fetch(after: position))
    }

    private mutating func fetched(into effects: inout ContiguousArray<TopicEffect>) {
        guard let start = self.broker?.fetchingAfter else { return }
        self.broker?.fetchingAfter = nil
        guard let heard = self.broker?.heard, heard.epoch == self.position.epoch, heard.offset > self.position.offset
        else { return }
        // A log that does not have what it has announced is not the log that it was.
        if start == self.position { self.reset(into: &effects) } else { self.fetch(into: &effects) }
    }

    private mutating func compare(
        _ tail: StreamPosition,
        asked: StreamPosition,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard self.broker?.isSynced == true else { return }
        let isLost = tail.epoch == asked.epoch && tail.offset < asked.offset
        if tail.epoch != self.position.epoch || isLost {
            self.reset(into: &effects)
        } else if tail.offset > self.position.offset {
            self.broker?.hear(tail)
            self.fetch(into: &effects)
        }
    }

    private mutating func reset(into effects: inout ContiguousArray<TopicEffect>) {
        self.broker?.isSynced = false
        self.broker?.fetchingAfter = nil
        self.broker?.heard = nil
        self.broker?.mustReach = 0
        self.requestState(into: &effects)
    }

    private mutating func requestState(into effects: inout ContiguousArray<TopicEffect>) {
        guard self.broker?.isUp == true, self.broker?.isStateRequested == false else { return }
        self.broker?.isStateRequested = true
        effects.append(.requestState)
    }

    private mutating func brokerBack(into effects: inout ContiguousArray<TopicEffect>) {
        guard self.broker?.isUp == false else { return }
        self.broker?.isUp = true
        // Whatever was asked for was asked on a connection that is gone.
        self.broker?.isStateRequested = false
        self.broker?.fetchingAfter = nil
        guard self.broker?.isSynced == true else {
            if self.broker?.localCount ?? 0 > 0 || self.broker?.inFlight != nil { self.requestState(into: &effects) }
            return
        }
        self.fetch(into: &effects)
        // The same number again: what was written is not written twice.
        if let batch = self.broker?.inFlight?.batch { effects.append(.propose(batch)) }
    }

    /// What was never sent is refused; what was sent stays undecided, and who said it is told that by being closed.
    private mutating func giveUpWaiting(into effects: inout ContiguousArray<TopicEffect>) {
        guard self.broker?.isUp == false else { return }
        let waiting =
            self.broker?.removeQueued {
                if case .leave = $0 { return false }
                return true
            } ?? []
        for proposal in waiting { self.refuse(proposal, into: &effects) }
        let undecided = self.broker?.inFlight?.proposals.compactMap { proposal -> ClientID? in
            guard case .publish(let publish) = proposal else { return nil }
            return publish.member
        }
        for client in Set(undecided ?? []) { effects.append(.close(client, .insufficientState)) }
    }
}
