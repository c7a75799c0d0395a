internal import Logging
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// Writes what is known of backends to a store, behind what happens: one write at a time, each with everything that has
/// changed since. What could not be written is tried again.
final class BackendRecorder: Sendable {
    private struct State: Sendable {
        var health = StoreHealth()
        var changed: [String: StoredBackend] = [:]
        var forgotten: Set<String> = []
        var isWriting = false
        var isClosed = false
        /// Those who wait until what was noted before is written, or could not be.
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private static let retryPause = Duration.seconds(1)
    private static let lastAttempts = 3

    let store: any BackendStore
    private let logger: Logger
    private let state = Mutex(State())

    init(_ store: any BackendStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    func note(_ backend: StoredBackend) {
        self.change { $0.changed[backend.id] = backend }
    }

    func forget(_ id: BackendID) {
        self.change { state in
            state.changed[id.text] = nil
            state.forgotten.insert(id.text)
        }
    }

    /// Returns when everything was written that was noted before, or could not be: then it goes on to be tried.
    func flush() async {
        await withCheckedContinuation { continuation in
            let isIdle = self.state.withLock { state in
                guard state.isWriting else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    /// The last writes of a life.
    func close() async {
        for _ in 0..<Self.lastAttempts {
            await self.flush()
            guard self.state.withLock({ $0.isWriting }) else { break }
        }
        self.state.withLock { $0.isClosed = true }
        await self.store.close()
    }

    private func change(_ body: (inout State) -> Void) {
        let starts = self.state.withLock { state in
            body(&state)
            guard !state.isClosed, !state.isWriting else { return false }
            state.isWriting = true
            return true
        }
        if starts { Task { await self.write() } }
    }

    private func write() async {
        while let work = self.take() {
            do {
                if !work.forgotten.isEmpty { try await self.store.delete(Array(work.forgotten)) }
                if !work.changed.isEmpty { try await self.store.save(Array(work.changed.values)) }
                for one in work.waiting { one.resume() }
                self.log(self.state.withLock { $0.health.succeeded(.write) })
            } catch {
                self.log(self.state.withLock { $0.health.failed(.write, error) })
                for one in work.waiting { one.resume() }
                self.putBack(work)
                try? await Task.sleep(for: Self.retryPause)
            }
        }
    }

    /// Once for a trouble, however often it is tried again.
    private func log(_ change: StoreHealth.Change?) {
        switch change {
        case .began(_, let error):
            self.logger.error("What is known of backends cannot be saved", metadata: ["error": "\(error)"])
        case .ended(_, let failures):
            self.logger.notice(
                "What is known of backends is saved again",
                metadata: ["failures": "\(failures)"]
            )
        case nil:
            break
        }
    }

    private struct Work: Sendable {
        var changed: [String: StoredBackend]
        var forgotten: Set<String>
        var waiting: [CheckedContinuation<Void, Never>]
    }

    /// - Returns: `nil` when there is nothing to write, and nobody writes any more.
    private func take() -> Work? {
        let (work, isOver) = self.state.withLock { state in
            let work = Work(changed: state.changed, forgotten: state.forgotten, waiting: state.waiting)
            let isOver = work.changed.isEmpty && work.forgotten.isEmpty && work.waiting.isEmpty || state.isClosed
            if isOver { state.isWriting = false } else { (state.changed, state.forgotten) = ([:], []) }
            state.waiting = []
            return (work, isOver)
        }
        guard isOver else { return work }
        // Nothing is written any more: nobody is to wait for it.
        for one in work.waiting { one.resume() }
        return nil
    }

    /// What is newer wins.
    private func putBack(_ work: Work) {
        self.state.withLock { state in
            for (id, backend) in work.changed where state.changed[id] == nil && !state.forgotten.contains(id) {
                state.changed[id] = backend
            }
            state.forgotten.formUnion(work.forgotten.filter { state.changed[$0] == nil })
        }
    }
}
