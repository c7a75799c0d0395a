internal import Logging
internal import NIOCore
internal import ParleyModel
internal import Synchronization

/// Does what the machine has decided. Never under the lock.
extension BackendSupervisor {
    /// Something has happened to a backend.
    func receive(_ event: BackendLifecycle.Event, for id: BackendID) {
        let moment = self.moment
        self.act { $0.receive(event, for: id, at: moment) }
    }

    /// What takes time of its own goes on in a task, and comes back as an event.
    func perform(_ action: BackendEffect.Action, for id: BackendID) {
        switch action {
        case .prepare(let order): self.prepare(order)
        case .launch(let order): Task { await self.launch(order) }
        case .poll(let address):
            let polling = Task { await self.ask(id, at: address) }
            self.state.withLock { $0.polling[id] = polling }
        case .stopPolling: self.state.withLock { $0.polling.removeValue(forKey: id) }?.cancel()
        case .signal(let kind): self.runtime.terminate(id, kind)
        case .release(let grant): self.release(grant, of: id)
        case .save(let stored): self.recorder?.note(stored)
        case .take: self.take(id)
        case .forget: self.recorder?.forget(id)
        case .tell(let state, let feeds): for feed in feeds { feed.yield(state) }
        case .finish(let states, let lines):
            for feed in states { feed.finish() }
            for feed in lines { feed.finish() }
        case .answer(let waiters, let address): for waiter in waiters { waiter(address) }
        case .call(let bodies): for body in bodies { body() }
        case .closeLater(let connections): self.closeLater(connections)
        case .wake(let wakes): for wake in wakes { wake.resume() }
        case .logSpawn(let service):
            self.logger.info(
                "Backend spawned",
                metadata: ["backend": "\(id)", "service": "\(service?.description ?? "")"]
            )
        case .logEnd(let state):
            var facts: Logger.Metadata = ["backend": "\(id)", "reason": "\(state.reason?.rawValue ?? "exited")"]
            if let code = state.exitCode { facts["exit_code"] = .stringConvertible(code) }
            self.logger.info("Backend ended", metadata: facts)
        }
    }

    private func take(_ id: BackendID) {
        guard let recorder = self.recorder else { return self.receive(.taken, for: id) }
        Task {
            // Before the process can use it: no later life may give the token again.
            await recorder.flush()
            self.receive(.taken, for: id)
        }
    }

    private func prepare(_ order: LaunchOrder) {
        Task {
            do throws(LaunchFailure) {
                try await self.runtime.prepare(order)
                self.receive(.prepared, for: order.backend)
            } catch {
                self.launchFailed(error, order.backend)
            }
        }
    }

    private func launch(_ order: LaunchOrder) async {
        let id = order.backend
        let events = BackendRuntimeEvents(
            output: { self.append($0, toOutputOf: id) },
            exited: { self.receive(.exited(code: $0), for: id) }
        )
        do throws(LaunchFailure) {
            let address = try await self.runtime.launch(order, events: events)
            let moment = self.moment
            self.act { $0.launched(id, at: address, moment) }
        } catch {
            self.launchFailed(error, id)
        }
    }

    private func launchFailed(_ failure: LaunchFailure, _ id: BackendID) {
        self.logger.warning("A backend could not be launched", metadata: ["backend": "\(id)", "error": "\(failure)"])
        self.append(["parley: \(failure)"], toOutputOf: id)
        self.receive(.launchFailed, for: id)
    }

    private func append(_ lines: [String], toOutputOf id: BackendID) {
        for delivery in self.withMachine({ $0.append(lines, toOutputOf: id) }) { delivery.perform() }
    }

    private func ask(_ id: BackendID, at address: SocketAddress) async {
        do {
            try await self.poll(address)
            self.receive(.answered, for: id)
        } catch is CancellationError {
            return
        } catch {
            self.logger.error(
                "A backend cannot be polled",
                metadata: ["backend": "\(id)", "error": "\(ErrorText.of(error))"]
            )
            self.receive(.pollingFailed, for: id)
        }
    }

    private func release(_ grant: KeyGrant?, of id: BackendID) {
        Task {
            if let grant { await self.letGo(of: grant) }
            let now = self.uptime()
            self.act { $0.finish(id, at: now) }
        }
    }

    /// A process closes its connections as it ends, and what it has said before is still on its way; those that remain
    /// after a second lead nowhere.
    private func closeLater(_ connections: [@Sendable () -> Void]) {
        Task {
            try? await Task.sleep(for: .seconds(1))
            for close in connections { close() }
        }
    }
}
