internal import DequeModule
internal import NIOCore
internal import ParleyModel

/// What happens to a backend, from the moment at which it holds its key.
extension SupervisorMachine {
    /// Something has happened to a backend.
    mutating func receive(_ event: BackendLifecycle.Event, for id: BackendID, at moment: Moment) -> [BackendEffect] {
        guard let number = self.numbers[id] else { return [] }
        var effects: [BackendEffect] = []
        for action in self.records[number]?.lifecycle.receive(event, at: moment) ?? [] {
            self.perform(action, of: id, number, &effects)
        }
        return effects
    }

    /// The process runs, and will listen at an address.
    mutating func launched(_ id: BackendID, at address: SocketAddress, _ moment: Moment) -> [BackendEffect] {
        if let number = self.numbers[id] { self.records[number]?.address = address }
        return self.receive(.launched, for: id, at: moment)
    }

    private mutating func perform(
        _ action: BackendLifecycle.Action,
        of id: BackendID,
        _ number: Int,
        _ effects: inout [BackendEffect]
    ) {
        guard let record = self.records[number] else { return }
        switch action {
        case .prepare: effects.add(.prepare(record.order), for: id)
        case .launch: effects.add(.launch(record.order), for: id)
        case .poll:
            guard let address = record.address else { return }
            effects.add(.poll(address), for: id)
        case .signal(let kind): effects.add(.signal(kind), for: id)
        case .entered(let entry):
            self.entered(entry, number, &effects)
            effects.add(.wake(self.watchers.take(.backend(id))), for: id)
        }
    }

    private mutating func entered(_ state: BackendState, _ number: Int, _ effects: inout [BackendEffect]) {
        guard let record = self.records[number] else { return }
        let id = record.id
        switch state.status {
        case .terminated:
            effects.add(.stopPolling, for: id)
            effects.add(.call(self.records[number]?.takeLeavingWatchers() ?? []), for: id)
            // Whoever hears of the end finds the key free.
            effects.add(.release(record.grant), for: id)
            return
        case .ready:
            effects.add(.answer(self.records[number]?.takeWaiters() ?? [], record.address), for: id)
        case .terminating, .hardTerminating:
            effects.add(.stopPolling, for: id)
            effects.add(.answer(self.records[number]?.takeWaiters() ?? [], nil), for: id)
            effects.add(.call(self.records[number]?.takeLeavingWatchers() ?? []), for: id)
        case .scheduled, .loading, .starting, .waiting:
            break
        }
        self.publish(state, number, &effects)
    }

    private mutating func publish(_ state: BackendState, _ number: Int, _ effects: inout [BackendEffect]) {
        self.records[number]?.published.append(state)
        guard let record = self.records[number] else { return }
        effects.add(.tell(state, Array(record.stateFeeds.values)), for: record.id)
        self.save(number, &effects)
    }

    /// The process is gone and the key is free: the world hears of it.
    mutating func finish(_ id: BackendID, at now: NIODeadline) -> [BackendEffect] {
        guard let number = self.numbers[id], let record = self.records[number], self.live.contains(number) else {
            return []
        }
        var effects: [BackendEffect] = []
        effects.add(.answer(self.records[number]?.takeWaiters() ?? [], nil), for: id)
        self.publish(record.lifecycle.state, number, &effects)
        self.records[number]?.stateFeeds = [:]
        self.records[number]?.logFeeds = [:]
        self.records[number]?.order.environment = [:]
        self.records[number]?.tokens = []
        self.leave(record)
        self.ended.append((number, now))
        self.keepOutput(of: number)
        if record.grant != nil {
            self.endCounts[record.lifecycle.state.reason, default: 0] += 1
            self.heldCount -= 1
        }
        let connections = record.tokens.flatMap { self.forget($0) }
        self.records[number]?.tokenBytes = 0
        effects.add(.wake(self.watchers.take(.backend(id))), for: id)
        effects.add(.finish(Array(record.stateFeeds.values), Array(record.logFeeds.values)), for: id)
        effects.add(.logEnd(record.lifecycle.state), for: id)
        effects.add(.closeLater(connections), for: id)
        self.forgetOldest(at: now, &effects)
        return effects
    }

    /// Takes no new backends.
    /// - Returns: Those that are to end, and those who need not wait for any.
    mutating func shutDown() -> (backends: [BackendID], wakes: [Watchers<Subject>.Wake]) {
        self.isShuttingDown = true
        let backends = self.live.compactMap { self.records[$0] }.filter { !$0.hasEnded }.map(\.id)
        return (backends, self.watchers.takeAll())
    }

    // MARK: What has ended

    /// Keeps ended backends for as long, and as many, as the configuration says.
    mutating func forgetOldest(at now: NIODeadline, _ effects: inout [BackendEffect]) {
        while let oldest = self.ended.first,
            self.ended.count > self.configuration.maximumRemembered
                || oldest.at + self.configuration.retention <= now
        {
            self.ended.removeFirst()
            self.dropOutput(of: oldest.number)
            guard let record = self.records[oldest.number] else { continue }
            self.numbers[record.id] = nil
            if record.origin != nil, let resume = record.resume {
                self.departed[oldest.number] = oldest.at + resume.patience
            } else {
                self.records[oldest.number] = nil
            }
            if self.isRecording { effects.add(.forget, for: record.id) }
        }
    }

    /// Keeps the output of a backend that has ended, and lets go of older ones' that are too much.
    private mutating func keepOutput(of number: Int) {
        guard let bytes = self.records[number]?.log.bytes, bytes > 0 else { return }
        self.keptOutput.append(number)
        self.keptOutputBytes += bytes
        while self.keptOutputBytes > self.configuration.maximumKeptOutputBytes, let oldest = self.keptOutput.popFirst()
        {
            self.dropOutput(of: oldest)
        }
    }

    /// Lets go of the output of a backend that has ended.
    mutating func dropOutput(of number: Int) {
        guard let bytes = self.records[number]?.log.bytes, bytes > 0 else { return }
        self.keptOutputBytes -= bytes
        self.records[number]?.log = OutputLog()
    }

    // MARK: Output

    /// - Returns: Readers to be woken; in any order, as each has its lines in theirs.
    mutating func append(_ lines: [String], toOutputOf id: BackendID) -> [OutputFeed.Delivery] {
        // What comes behind the end would never be forgotten.
        guard let number = self.numbers[id], self.records[number]?.state.status != .terminated else { return [] }
        return self.records[number]?.append(lines) ?? []
    }
}

extension BackendRecord {
    fileprivate mutating func append(_ lines: [String]) -> [OutputFeed.Delivery] {
        var deliveries: [OutputFeed.Delivery] = []
        for line in lines {
            self.log.append(line)
            for feed in self.logFeeds.values {
                if let delivery = feed.append(line) { deliveries.append(delivery) }
            }
        }
        return deliveries
    }
}
