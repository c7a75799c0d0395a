internal import Logging
internal import ParleyModel

extension BackendSupervisor {
    /// Does what time alone brings about: sweeps idle and old backends, kills what did not end in its grace, renews leases,
    /// forgets tokens and backends. To be called several times a second.
    public func sweep() {
        let moment = self.moment
        let swept = self.decide { machine -> (SupervisorMachine.Swept, [BackendEffect]) in
            let swept = machine.sweep(at: moment)
            return (swept, swept.effects)
        }
        for wake in swept.overdue { wake.resume() }
        for (id, grant) in swept.renewals { self.renew(grant, of: id) }
        if let load = self.withMachine({ $0.announcement(at: moment.uptime) }) {
            Task { try? await self.announce(load: load) }
        }
    }

    /// Forgets tokens that have expired, and the memory of who spawned when.
    public func purge() {
        let now = self.uptime()
        self.withMachine { $0.purge(at: now) }
    }

    private func renew(_ grant: KeyGrant, of id: BackendID) {
        let requested = self.uptime()
        Task {
            do {
                let isGranted = try await self.coordination.keys.renew(grant, lease: self.coordination.lease.expiry)
                let moment = self.moment
                self.act { $0.renewed(isGranted, for: id, requestedAt: requested, at: moment) }
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
