public import ParleyModel
internal import Synchronization

extension BackendSupervisor {
    public var counts: BackendCounts { self.withMachine { $0.counts } }

    public func info(_ id: BackendID) throws(BackendFailure) -> BackendInfo {
        guard let info = self.withMachine({ $0[id].map { BackendInfo($0) } }) else { throw .backendNotFound }
        return info
    }

    /// Backends that have not ended, the oldest first.
    public func live() -> [BackendInfo] {
        self.withMachine { $0.holders }.sorted { ($0.createdAt, $0.id.text) < ($1.createdAt, $1.id.text) }
    }

    /// When the last backend of a service was made that is still known.
    public func lastSpawn(of name: ServiceName, anyEnvironment: Bool) -> WallTime? {
        self.withMachine { $0.lastSpawn(of: name, anyEnvironment: anyEnvironment) }
    }

    public var liveCount: Int { self.withMachine { $0.live.count } }

    /// Every state of a backend so far, and from then on each as it is entered; ends after `terminated`.
    public func states(of id: BackendID) throws(BackendFailure) -> AsyncStream<BackendState> {
        // As many as there are states.
        let (stream, feed) = AsyncStream.makeStream(of: BackendState.self)
        let number = self.withMachine { $0.makeNumber() }
        feed.onTermination = { _ in self.withMachine { $0.stopListening(number, to: id) } }
        let isOver = self.withMachine { machine -> Bool? in
            guard let heard = machine.listen(to: id, number: number, feed) else { return nil }
            // Before any that is decided from now on; nobody reads yet, so that this wakes nobody.
            for state in heard.states { feed.yield(state) }
            return heard.isOver
        }
        guard let isOver else { throw .backendNotFound }
        if isOver { feed.finish() }
        return stream
    }

    /// The lines of output that are kept, and from then on each as it comes; a reader that is slow misses some.
    public func output(of id: BackendID) throws(BackendFailure) -> OutputLines {
        let found = self.withMachine { machine -> (number: Int, feed: OutputFeed)? in
            let number = machine.makeNumber()
            return machine.read(id, number: number).map { (number, $0) }
        }
        guard let found else { throw .backendNotFound }
        return OutputLines(found.feed) { self.withMachine { $0.stopReading(found.number, of: id) } }
    }

    /// `nil` when it does not run, or cannot be measured.
    public func use(of id: BackendID) async -> ResourceUse? { await self.runtime.use(of: id) }

    /// Asks a backend to end, or kills it; does not wait for it.
    public func terminate(_ id: BackendID, _ kind: TerminationKind) throws(BackendFailure) {
        guard let status = self.withMachine({ $0[id]?.state.status }) else { throw .backendNotFound }
        guard status != .terminated else { throw .notRunning }
        self.receive(.stop(kind, .external), for: id)
    }

    /// Takes no new backends, ends all softly, and returns when none is left.
    public func shutDown() async {
        let (ids, wakes) = self.withMachine { $0.shutDown() }
        for wake in wakes { wake.resume() }
        for id in ids { self.receive(.stop(.soft, .external), for: id) }
        // What was decided last is to be done, too: it is written down.
        while !self.isIdle {
            self.sweep()
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
        await self.recorder?.close()
        // Should that fail, the node is forgotten when its lease is over.
        try? await self.coordination.nodes.withdraw(self.node)
    }

    private var isIdle: Bool { self.state.withLock { $0.machine.live.isEmpty && $0.effects.isEmpty } }
}
