internal import DequeModule
internal import Logging
internal import NIOCore
internal import ParleyModel
internal import Synchronization

extension BackendSupervisor {
    /// Something has happened to a backend.
    func receive(_ event: BackendLifecycle.Event, for id: BackendID) {
        let moment = self.moment
        self.state.withLock { state in
            guard let record = state.backends[id] else { return }
            let actions = record.lifecycle.receive(event, at: moment)
            for action in actions { self.perform(action, record, &state) }
        }
    }

    /// Nothing here waits: what takes time goes on in a task, and comes back as an event.
    private func perform(_ action: BackendLifecycle.Action, _ record: BackendRecord, _ state: inout State) {
        let id = record.id
        switch action {
        case .prepare:
            let order = record.order
            Task {
                do throws(LaunchFailure) {
                    try await self.runtime.prepare(order)
                    self.receive(.prepared, for: id)
                } catch {
                    self.launchFailed(error, id)
                }
            }
        case .launch:
            let order = record.order
            Task { await self.launch(order) }
        case .poll:
            guard let address = record.address else { return }
            record.polling = Task {
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
        case .signal(let kind):
            self.runtime.terminate(id, kind)
        case .entered(let entry):
            self.entered(entry, record)
            state.wake(.backend(id))
        }
    }

    private func launch(_ order: LaunchOrder) async {
        let id = order.backend
        let events = BackendRuntimeEvents(
            output: { self.append($0, toLogOf: id) },
            exited: { self.receive(.exited(code: $0), for: id) }
        )
        do throws(LaunchFailure) {
            let address = try await self.runtime.launch(order, events: events)
            self.state.withLock { $0.backends[id]?.address = address }
            self.receive(.launched, for: id)
        } catch {
            self.launchFailed(error, id)
        }
    }

    private func launchFailed(_ failure: LaunchFailure, _ id: BackendID) {
        self.logger.warning("A backend could not be launched", metadata: ["backend": "\(id)", "error": "\(failure)"])
        self.append(["parley: \(failure)"], toLogOf: id)
        self.receive(.launchFailed, for: id)
    }

    private func entered(_ state: BackendState, _ record: BackendRecord) {
        switch state.status {
        case .terminated:
            record.polling?.cancel()
            record.polling = nil
            record.leave()
            let (id, grant) = (record.id, record.grant)
            Task {
                // Whoever hears of the end finds the key free.
                if let grant { try? await self.keyLock.release(grant) }
                self.finish(id)
            }
            return
        case .ready:
            record.release(to: record.address)
        case .terminating, .hardTerminating:
            record.polling?.cancel()
            record.polling = nil
            record.release(to: nil)
            record.leave()
        case .scheduled, .loading, .starting, .waiting:
            break
        }
        record.publish(state)
        self.note(record)
    }

    /// The process is gone and the key is free: the world hears of it.
    private func finish(_ id: BackendID) {
        let now = self.uptime()
        let finished: Finished? = self.state.withLock { state in
            guard let record = state.backends[id] else { return nil }
            record.release(to: nil)
            record.publish(record.lifecycle.state)
            self.note(record)
            let finished = Finished(
                node: record.grant == nil ? nil : record.node,
                state: record.state,
                stateFeeds: Array(record.stateFeeds.values),
                logFeeds: Array(record.logFeeds.values)
            )
            record.stateFeeds = [:]
            record.logFeeds = [:]
            record.order.environment = [:]
            let tokens = record.tokens
            record.tokens = []
            record.tokenBytes = 0
            state.live.remove(id)
            state.ended.append((id, now))
            state.keepOutput(of: record, atMost: self.configuration.maximumKeptOutputBytes)
            if record.grant != nil { state.endCounts[record.state.reason, default: 0] += 1 }
            state.wake(.backend(id))
            self.forgetOldest(&state, now: now)
            let connections = tokens.flatMap { token in
                state.tokens[ExactString(token)].map { Array($0.use.connections.values) } ?? []
            }
            for token in tokens { state.tokens[ExactString(token)] = nil }
            self.closeLater(connections)
            return finished
        }
        guard let finished else { return }
        if let node = finished.node { self.placement.count(-1, on: node) }
        // Outside the lock: a stream that ends takes itself off the record.
        for feed in finished.stateFeeds { feed.finish() }
        for feed in finished.logFeeds { feed.finish() }
        var facts: Logger.Metadata = ["backend": "\(id)", "reason": "\(finished.state.reason?.rawValue ?? "exited")"]
        if let code = finished.state.exitCode { facts["exit_code"] = .stringConvertible(code) }
        self.logger.info("Backend ended", metadata: facts)
    }

    /// What is left to do for a backend that has ended.
    private struct Finished: Sendable {
        /// `nil`: it never came to one.
        let node: String?
        let state: BackendState
        let stateFeeds: [AsyncStream<BackendState>.Continuation]
        let logFeeds: [OutputFeed]
    }

    /// A process closes its connections as it ends, and what it has said before is still on its way; those that remain
    /// after a second lead nowhere.
    private func closeLater(_ connections: [@Sendable () -> Void]) {
        guard !connections.isEmpty else { return }
        Task {
            try? await Task.sleep(for: .seconds(1))
            for close in connections { close() }
        }
    }

    /// Keeps ended backends for as long, and as many, as the configuration says.
    func forgetOldest(_ state: inout State, now: NIODeadline) {
        while let oldest = state.ended.first,
            state.ended.count > self.configuration.maximumRemembered || oldest.at + self.configuration.retention <= now
        {
            state.ended.removeFirst()
            state.dropOutput(of: oldest.id)
            state.backends[oldest.id] = nil
            self.recorder?.forget(oldest.id)
        }
    }

    private func append(_ lines: [String], toLogOf id: BackendID) {
        self.state.withLock { state in
            // What comes behind the end would never be forgotten.
            guard let record = state.backends[id], record.state.status != .terminated else { return }
            for line in lines {
                record.log.append(line)
                for feed in record.logFeeds.values { feed.append(line) }
            }
        }
    }
}

extension BackendSupervisor.State {
    /// Keeps the output of a backend that has ended, and lets go of older ones' that are too much.
    fileprivate mutating func keepOutput(of record: BackendRecord, atMost maximumBytes: Int) {
        guard record.log.bytes > 0 else { return }
        self.keptOutput.append(record.id)
        self.keptOutputBytes += record.log.bytes
        while self.keptOutputBytes > maximumBytes, let oldest = self.keptOutput.popFirst() {
            self.dropOutput(of: oldest)
        }
    }

    /// Lets go of the output of a backend that has ended.
    mutating func dropOutput(of id: BackendID) {
        guard let record = self.backends[id], record.log.bytes > 0 else { return }
        self.keptOutputBytes -= record.log.bytes
        record.log = OutputLog()
    }
}

extension BackendRecord {
    /// Tells those who wait for the backend.
    func release(to address: SocketAddress?) {
        let waiters = self.waiters
        self.waiters = [:]
        for waiter in waiters.values { waiter(address) }
    }

    /// Tells those whose sockets may go on with another backend.
    func leave() {
        let watchers = self.leavingWatchers
        self.leavingWatchers = [:]
        for watcher in watchers.values { watcher() }
    }

    func publish(_ state: BackendState) {
        self.published.append(state)
        for feed in self.stateFeeds.values { feed.yield(state) }
    }
}
