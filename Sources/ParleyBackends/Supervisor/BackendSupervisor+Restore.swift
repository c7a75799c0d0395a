internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

extension BackendSupervisor {
    /// Gets to know the backends of earlier lives, for those who ask for them. None of them runs any more: one that had not
    /// ended was killed just now, or is lost.
    /// No fencing token that one of them had is given again.
    /// - Parameter orphans: Those that were found running, and killed.
    /// - Throws: ``StoreError``.
    public func restore(orphans: [BackendID]) async throws {
        if let store = self.recorder?.store {
            try await self.coordination.keys.advanceFencing(past: try await store.highestFencingToken())
        }
        var unknown = Set(orphans)
        var found: [SupervisorMachine.Restored] = []
        for stored in try await self.recorder?.store.takeOver() ?? [] {
            guard let id = BackendID(stored.id) else { continue }
            let isOrphan = unknown.remove(id) != nil
            found.append(.init(id: id, stored: stored, history: self.ended(stored.history, isOrphan: isOrphan)))
        }
        for id in unknown {
            let stored = StoredBackend(unknown: id, node: "", at: self.wallTime())
            found.append(.init(id: id, stored: stored, history: self.ended([], isOrphan: true)))
        }
        for id in unknown.sorted(by: { $0.text < $1.text }) {
            self.logger.warning(
                "A backend of an earlier life was left over, and is ended",
                metadata: ["backend": "\(id)"]
            )
        }
        let (moment, restored) = (self.moment, found)
        self.act { $0.restore(restored, at: moment) }
    }

    /// A history up to its end.
    private func ended(_ history: [BackendState], isOrphan: Bool) -> [BackendState] {
        guard history.last?.status != .terminated else { return history }
        let now = self.wallTime()
        var history = history
        func append(_ status: BackendStatus, _ reason: TerminationReason? = nil, _ kind: TerminationKind? = nil) {
            let time = history.last.map { now.after($0.time) } ?? now
            history.append(BackendState(status, at: time, reason: reason, kind: kind))
        }
        guard isOrphan else {
            append(.terminated, .lost)
            return history
        }
        if history.isEmpty { append(.scheduled) }
        append(.hardTerminating, .keyExpired, .hard)
        append(.terminated, .keyExpired, .hard)
        return history
    }
}

extension SupervisorMachine {
    /// A backend of an earlier life, whose history has come to its end.
    struct Restored: Sendable {
        let id: BackendID
        let stored: StoredBackend
        let history: [BackendState]
    }

    mutating func restore(_ found: [Restored], at moment: Moment) -> [BackendEffect] {
        var effects: [BackendEffect] = []
        let records = found.map { BackendRecord($0, number: self.makeNumber(), limits: self.configuration.lifecycle) }
        for record in records.sorted(by: { $0.state.time < $1.state.time }) where self.numbers[record.id] == nil {
            let age = max(0, moment.wall.milliseconds - record.state.time.milliseconds)
            // By the wall clock: the other may be younger than that.
            guard .milliseconds(age) < self.configuration.retention else {
                if self.isRecording { effects.add(.forget, for: record.id) }
                continue
            }
            self.records[record.number] = record
            self.numbers[record.id] = record.number
            self.ended.append((record.number, moment.uptime - .milliseconds(age)))
            if self.isRecording { effects.add(.save(StoredBackend(record)), for: record.id) }
        }
        self.forgetOldest(at: moment.uptime, &effects)
        return effects
    }
}

extension BackendRecord {
    /// One of an earlier life, which has ended.
    fileprivate init(_ restored: SupervisorMachine.Restored, number: Int, limits: BackendLifecycle.Limits) {
        let stored = restored.stored
        var order = LaunchOrder(backend: restored.id, program: .command([]))
        order.limits.memoryLimitBytes = stored.memoryLimitBytes
        self.init(
            number: number,
            id: restored.id,
            key: BackendKey(scope: stored.keyScope, name: stored.keyName),
            tag: "",
            service: stored.service.flatMap { ServiceName($0) },
            node: stored.node,
            createdAt: stored.createdAt,
            subdomain: nil,
            staticToken: nil,
            order: order,
            resume: nil,
            lifecycle: BackendLifecycle(limits: limits, history: restored.history),
            activity: ActivityClock(scheduledAt: .uptimeNanoseconds(0), maximumIdle: nil, lifetime: nil),
            published: restored.history,
            fencingToken: stored.fencingToken
        )
    }
}

extension StoredBackend {
    init(_ record: BackendRecord) {
        self.init(
            id: record.id.text,
            keyScope: record.key.scope,
            keyName: record.key.name,
            service: record.service?.description,
            node: record.node,
            createdAt: record.createdAt,
            fencingToken: record.fencingToken,
            memoryLimitBytes: record.order.limits.memoryLimitBytes,
            states: record.published.map { State($0) }
        )
    }

    /// Nothing but its id.
    fileprivate init(unknown id: BackendID, node: String, at time: WallTime) {
        self.init(
            id: id.text,
            keyScope: "",
            keyName: "",
            service: nil,
            node: node,
            createdAt: time,
            fencingToken: 0,
            states: []
        )
    }

    /// Without words that this version does not know.
    fileprivate var history: [BackendState] {
        self.states.compactMap { state in
            BackendStatus(rawValue: state.status).map { status in
                BackendState(
                    status,
                    at: WallTime(milliseconds: state.time),
                    reason: state.reason.flatMap { TerminationReason(rawValue: $0) },
                    kind: state.kind.flatMap { TerminationKind(rawValue: $0) },
                    exitCode: state.exitCode,
                    failedToLaunch: state.failedToLaunch ?? false
                )
            }
        }
    }
}

extension StoredBackend.State {
    fileprivate init(_ state: BackendState) {
        self.init(
            status: state.status.rawValue,
            time: state.time.milliseconds,
            reason: state.reason?.rawValue,
            kind: state.kind?.rawValue,
            exitCode: state.exitCode,
            failedToLaunch: state.failedToLaunch ? true : nil
        )
    }
}
