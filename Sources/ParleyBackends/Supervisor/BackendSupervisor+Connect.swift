internal import Logging
internal import NIOCore
public import ParleyModel

extension BackendSupervisor {
    /// How often a connect tries again when it loses a race for its key.
    private static let attempts = 3

    /// Finds the backend that holds the key, or spawns one, and makes a token for it. Does not wait until it is ready.
    public func connect(_ order: ConnectOrder) async throws(BackendFailure) -> ConnectResult {
        let key = order.key ?? BackendKey(scope: order.scope, name: "lk-" + Self.randomName())
        let patience = self.uptime() + self.configuration.waitForRelease
        var attempt = 0
        while attempt < Self.attempts {
            if let holder = try await self.holder(of: key) {
                let mayWait = order.spawn != nil && self.uptime() < patience
                switch try self.join(holder, order, mayWait: mayWait) {
                case .joined(let result): return result
                // In an instant the key is free.
                case .gone: attempt += 1
                case .ending: break
                }
                do {
                    try await Task.sleep(for: .milliseconds(attempt > 0 ? attempt * 5 : 20))
                } catch {
                    // Nobody waits for the answer any more.
                    throw .keyLockFailed
                }
            } else {
                guard let spawn = order.spawn else { throw .keyUnheld }
                if let spawned = try await self.spawn(spawn, key, order) { return spawned }
                attempt += 1
            }
        }
        throw .keyLockFailed
    }

    private func holder(of key: BackendKey) async throws(BackendFailure) -> KeyGrant? {
        do {
            return try await self.coordination.keys.holder(of: key)
        } catch {
            throw self.keysFailed(error)
        }
    }

    private func keysFailed(_ error: any Error) -> BackendFailure {
        self.logger.error("The directory of keys cannot be asked", metadata: ["error": "\(ErrorText.of(error))"])
        return .keyLockFailed
    }

    private func join(
        _ grant: KeyGrant,
        _ order: ConnectOrder,
        mayWait: Bool
    ) throws(BackendFailure) -> SupervisorMachine.Joining {
        guard grant.holder.node == self.node else { return .gone }
        let (secrets, now) = (self.makeSecrets(), self.uptime())
        return try self.withMachine { machine in
            machine.join(grant.holder.backend, order, mayWait: mayWait, secrets, at: now)
        }.get()
    }

    /// - Returns: `nil` when somebody else was faster.
    private func spawn(
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder
    ) async throws(BackendFailure) -> ConnectResult? {
        let id = try self.reserve(spawn, key, order, node: try await self.place(order))
        let (holder, lease) = (KeyHolder(backend: id, node: self.node), self.coordination.lease.expiry)
        let acquisition: KeyAcquisition
        let requested = self.uptime()
        do {
            acquisition = try await self.coordination.keys.acquire(key, for: holder, lease: lease)
        } catch {
            self.withMachine { $0.abandon(id) }
            Task { await self.forsake(key, of: holder) }
            throw self.keysFailed(error)
        }
        guard case .acquired(let grant) = acquisition else {
            self.withMachine { $0.abandon(id) }
            return nil
        }
        let (secrets, now) = (self.makeSecrets(), self.uptime())
        let result = self.decide { machine -> (ConnectResult?, [BackendEffect]) in
            let acquired = machine.acquired(grant, for: id, order, requestedAt: requested, secrets, at: now)
            return (acquired?.result, acquired?.effects ?? [])
        }
        guard let result else {
            // Told to end before it had begun.
            await self.letGo(of: grant)
            throw .shuttingDown
        }
        return result
    }

    private func place(_ order: ConnectOrder) async throws(BackendFailure) -> String {
        let node: String?
        do {
            node = try await self.coordination.placement.place(cluster: self.configuration.cluster, pool: order.pool)
        } catch {
            throw self.nodesFailed(error)
        }
        // Orders are not passed on to others.
        guard let node, node == self.node else { throw .draining }
        return node
    }

    // MARK: Letting go

    /// Makes a key free, at once or after some trouble; if that cannot be said, it is when its lease is over.
    func letGo(of grant: KeyGrant) async {
        for attempt in 1...Self.attempts {
            do {
                return try await self.coordination.keys.release(grant)
            } catch {
                self.logger.warning(
                    "A key could not be released",
                    metadata: ["backend": "\(grant.holder.backend)", "error": "\(ErrorText.of(error))"]
                )
                // Cut short where nobody waits any more: then it goes on without a pause.
                try? await Task.sleep(for: .milliseconds(100 * attempt))
            }
        }
    }

    /// A key may have been acquired for a backend that is none, as its answer was lost.
    private func forsake(_ key: BackendKey, of holder: KeyHolder) async {
        guard let grant = try? await self.coordination.keys.holder(of: key), grant.holder == holder,
            // One that was asked for again, under the same id.
            self.withMachine({ $0[holder.backend] == nil })
        else { return }
        await self.letGo(of: grant)
    }

    private func reserve(
        _ spawn: SpawnOrder,
        _ key: BackendKey,
        _ order: ConnectOrder,
        node: String
    ) throws(BackendFailure) -> BackendID {
        let id = spawn.id ?? BackendID(unchecked: Self.randomName())
        let staticToken = spawn.usesStaticToken ? "s." + self.makeSecrets().token : nil
        let moment = self.moment
        let failure = self.withMachine { machine in
            machine.reserve(id, spawn, key, order, node: node, staticToken: staticToken, at: moment)
        }
        if let failure { throw failure }
        return id
    }
}
