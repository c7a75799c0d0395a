internal import ParleyModel

/// Beginning anew from a state of the log: at first, after a hole that nothing fills, and when the log was lost.
extension TopicMachine {
    mutating func restore(_ state: TopicState, into effects: inout ContiguousArray<TopicEffect>) {
        guard let before = self.broker, before.isStateRequested else { return }
        let former = self.members
        let hasMissed = state.position != self.position
        let isSameLog = state.position.epoch == self.position.epoch

        self.position = state.position
        self.broker?.isStateRequested = false
        self.broker?.isSynced = true
        self.broker?.floor = state.position.offset
        self.broker?.forgetRecent()
        self.broker?.nextNumber = state.lastNumber + 1
        self.history = History(
            discardedThrough: state.publications.first.map { $0.offset - 1 } ?? state.position.offset
        )
        if self.policy.limit > 0 {
            for publication in state.publications { self.history.append(publication, policy: self.policy) }
        }
        self.rebuildMembers(state, former: former, hasMissed: hasMissed, into: &effects)
        self.decideInFlight(lastNumber: state.lastNumber, isSameLog: isSameLog, into: &effects)
        self.compareHeard(into: &effects)
    }

    private mutating func rebuildMembers(
        _ state: TopicState,
        former: MemberList,
        hasMissed: Bool,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let broker = self.broker else { return }
        self.members = MemberList()
        self.broker?.localCount = 0
        for present in state.members {
            let client = present.member.client
            let known = former.entry(client)?.format
            let awaited = known == nil ? self.pendingFormat(of: client) : nil
            self.members.append(present.member, format: known ?? awaited, holdsName: present.holdsName)
            if let format = known ?? awaited {
                self.broker?.localCount += 1
                if awaited != nil {
                    effects.append(.admit(present.member, format))
                    effects.append(.deliver(.joined(present.member), excluding: nil))
                } else if hasMissed {
                    effects.append(.missed(client, format))
                }
            } else if broker.isLocal(client) {
                // Of a life of this topic that is over here, and was not when the log last heard of it.
                _ = self.broker?.enqueue(.leave(client))
            }
        }
        former.forEachEntry { entry in
            let client = entry.member.client
            guard let format = entry.format, self.members[client] == nil else { return }
            effects.append(.expel(client, format, .insufficientState))
            _ = self.broker?.removeQueued { $0.client == client }
        }
    }

    /// Whether what was under way is in the log, is told by its number.
    private mutating func decideInFlight(
        lastNumber: UInt64,
        isSameLog: Bool,
        into effects: inout ContiguousArray<TopicEffect>
    ) {
        guard let inFlight = self.broker?.inFlight else { return }
        if isSameLog, lastNumber < inFlight.batch.number {
            // It may still be on its way: only the very same may have its number.
            let batch = TopicBatch(
                proposer: inFlight.batch.proposer,
                number: inFlight.batch.number,
                applied: self.position,
                time: inFlight.batch.time,
                content: inFlight.batch.content
            )
            self.broker?.inFlight = BrokerSide.InFlight(batch: batch, proposals: inFlight.proposals)
            self.broker?.nextNumber = batch.number + 1
            effects.append(.propose(batch))
            return
        }
        self.broker?.inFlight = nil
        var again: [BrokerSide.Proposal] = []
        for proposal in inFlight.proposals {
            switch proposal {
            case .join(let join, _):
                if self.members[join.member.client] == nil { again.append(proposal) }
            case .leave(let client):
                if self.members[client] != nil { again.append(proposal) }
            case .publish(let publish):
                // Which of a batch were taken is not in a state; and a log that was lost may have had them.
                if let client = publish.member, self.members[client] != nil {
                    effects.append(.close(client, .insufficientState))
                }
            }
        }
        self.broker?.putBack(again)
    }

    private mutating func compareHeard(into effects: inout ContiguousArray<TopicEffect>) {
        guard let heard = self.broker?.heard, heard.epoch == self.position.epoch, heard.offset > self.position.offset
        else { return }
        self.fetch(into: &effects)
    }
}
