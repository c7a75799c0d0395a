internal import DequeModule
internal import NIOCore
internal import ParleyModel

/// What time alone brings about.
extension SupervisorMachine {
    struct Swept: Sendable {
        var effects: [BackendEffect] = []
        /// Keys whose leases are to be renewed.
        var renewals: [(backend: BackendID, grant: KeyGrant)] = []
        /// Those who have waited for long enough.
        var overdue: [Watchers<Subject>.Wake] = []
    }

    mutating func sweep(at moment: Moment) -> Swept {
        let now = moment.uptime
        var swept = Swept()
        var due: [(BackendID, BackendLifecycle.Event)] = []
        for number in self.live {
            self.records[number]?.tick(now, events: &due, renewals: &swept.renewals)
        }
        for (id, event) in due { swept.effects += self.receive(event, for: id, at: moment) }
        self.forgetOldest(at: now, &swept.effects)
        swept.overdue = self.watchers.takeOverdue(at: now)
        return swept
    }

    /// Whether the node is to be announced now; whoever asks does it, and tells what became of it.
    /// - Returns: How many backends it has.
    mutating func announcement(at now: NIODeadline) -> Int? {
        guard !self.isShuttingDown, self.announcer.tick(load: self.heldCount, at: now) else { return nil }
        return self.heldCount
    }

    /// The directory of keys has answered.
    /// - Parameter requested: When it was asked.
    mutating func renewed(
        _ isGranted: Bool,
        for id: BackendID,
        requestedAt requested: NIODeadline,
        at moment: Moment
    ) -> [BackendEffect] {
        guard let number = self.numbers[id] else { return [] }
        guard !isGranted else {
            self.records[number]?.lease?.renewed(requestedAt: requested)
            return []
        }
        let actions = self.records[number]?.lease?.refused() ?? []
        return actions.flatMap { action -> [BackendEffect] in
            guard case .stop(let kind) = action else { return [] }
            return self.receive(.stop(kind, .keyExpired), for: id, at: moment)
        }
    }

    /// How long the output of a backend that has ended is kept.
    private static let outputRetention = TimeAmount.minutes(15)

    /// Forgets tokens that have expired, and the memory of who spawned when.
    mutating func purge(at now: NIODeadline) {
        for ended in self.ended where ended.at + Self.outputRetention <= now {
            self.dropOutput(of: ended.number)
            // Nobody waits for a successor any more.
            guard let resume = self.records[ended.number]?.resume else { continue }
            if ended.at + max(Self.outputRetention, resume.patience) <= now { self.records[ended.number]?.origin = nil }
        }
        self.keptOutput = self.keptOutput.filter { self.records[$0]?.log.bytes ?? 0 > 0 }
        for number in self.departed.filter({ $0.value <= now }).keys {
            self.departed[number] = nil
            self.records[number] = nil
        }
        var touched: Set<Int> = []
        for (text, issued) in self.tokens where !issued.isValid(at: now) {
            self.forget(text.text)
            touched.insert(issued.route.number)
        }
        for number in touched { self.dropForgottenTokens(of: number) }
        self.restarts = self.restarts.filter { !$0.value.isSteady(at: now) }
        self.spawns = self.spawns.filter { $0.value.last.map { $0 + .minutes(1) > now } ?? false }
    }
}

extension BackendRecord {
    fileprivate mutating func tick(
        _ now: NIODeadline,
        events: inout [(BackendID, BackendLifecycle.Event)],
        renewals: inout [(backend: BackendID, grant: KeyGrant)]
    ) {
        if let deadline = self.lifecycle.deadline, deadline <= now { events.append((self.id, .tick)) }
        let status = self.lifecycle.status
        if status.isServing, status != .scheduled, self.activity.isOver(at: now) {
            events.append((self.id, .stop(.soft, .swept)))
        }
        guard let grant = self.grant else { return }
        for action in self.lease?.tick(at: now) ?? [] {
            switch action {
            case .renew: renewals.append((self.id, grant))
            case .stop(let kind): events.append((self.id, .stop(kind, .keyExpired)))
            }
        }
    }
}
