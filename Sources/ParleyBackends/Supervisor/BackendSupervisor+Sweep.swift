internal import DequeModule
internal import Logging
internal import NIOCore
internal import ParleyModel
internal import Synchronization

extension BackendSupervisor {
    /// Does what time alone brings about: sweeps idle and old backends, kills what did not end in its grace, renews leases,
    /// forgets tokens and backends. To be called several times a second.
    public func sweep() {
        let now = self.uptime()
        var due: [(BackendID, BackendLifecycle.Event)] = []
        var renewals: [(BackendID, LeaseTable.Grant)] = []
        self.state.withLock { state in
            for id in state.live {
                state.backends[id]?.tick(now, events: &due, renewals: &renewals)
            }
            self.forgetOldest(&state, now: now)
            state.wakeOverdue(at: now)
        }
        for (id, event) in due { self.receive(event, for: id) }
        for (id, grant) in renewals { self.renew(grant, of: id) }
    }

    /// How long the output of a backend that has ended is kept.
    private static let outputRetention = TimeAmount.minutes(15)

    /// Forgets tokens that have expired, and the memory of who spawned when.
    public func purge() {
        let now = self.uptime()
        self.state.withLock { state in
            for ended in state.ended where ended.at + Self.outputRetention <= now {
                state.dropOutput(of: ended.id)
                // Nobody waits for a successor any more.
                guard let record = state.backends[ended.id], let resume = record.resume else { continue }
                if ended.at + max(Self.outputRetention, resume.patience) <= now { record.origin = nil }
            }
            state.keptOutput.removeAll { state.backends[$0]?.log.bytes ?? 0 == 0 }
            var touched: Set<BackendID> = []
            for (text, route) in state.tokens where !route.use.isValid(at: now) {
                state.forget(text.text)
                touched.insert(route.backend)
            }
            for id in touched {
                state.backends[id]?.tokens.removeAll { state.tokens[ExactString($0)] == nil }
            }
            state.restarts = state.restarts.filter { !$0.value.isSteady(at: now) }
            state.spawns = state.spawns.filter { $0.value.last.map { $0 + .minutes(1) > now } ?? false }
        }
    }

    private func renew(_ grant: LeaseTable.Grant, of id: BackendID) {
        let requested = self.uptime()
        Task {
            do {
                let isGranted = try await self.keyLock.renew(grant)
                var stops: [LeaseHolder.Action] = []
                self.state.withLock { state in
                    if isGranted {
                        state.backends[id]?.lease?.renewed(requestedAt: requested)
                    } else {
                        stops = state.backends[id]?.lease?.refused() ?? []
                    }
                }
                for case .stop(let kind) in stops { self.receive(.stop(kind, .keyExpired), for: id) }
            } catch {
                // No answer: asked again soon, given up in time.
                self.logger.warning(
                    "A key could not be renewed",
                    metadata: ["backend": "\(id)", "error": "\(ErrorText.of(error))"]
                )
            }
        }
    }
}

extension BackendRecord {
    fileprivate func tick(
        _ now: NIODeadline,
        events: inout [(BackendID, BackendLifecycle.Event)],
        renewals: inout [(BackendID, LeaseTable.Grant)]
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
