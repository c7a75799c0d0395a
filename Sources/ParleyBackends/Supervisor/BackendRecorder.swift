internal import Logging
internal import ParleyHub
internal import Synchronization

/// Writes what is known of backends to a store, behind what happens: one write at a time, each with everything that has
/// changed since.
final class BackendRecorder: Sendable {
    private struct State: Sendable {
        var changed: [String: StoredBackend] = [:]
        var forgotten: Set<String> = []
        var writing: Task<Void, Never>?
    }

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

    /// Returns when everything is written that was noted before.
    func flush() async {
        while let writing = self.state.withLock({ $0.writing }) { await writing.value }
    }

    private func change(_ body: (inout State) -> Void) {
        self.state.withLock { state in
            body(&state)
            if state.writing == nil { state.writing = Task { await self.write() } }
        }
    }

    private func write() async {
        while let (changed, forgotten) = self.take() {
            do {
                if !forgotten.isEmpty { try await self.store.delete(Array(forgotten)) }
                if !changed.isEmpty { try await self.store.save(Array(changed.values)) }
            } catch {
                // The next change of a backend carries everything known of it.
                self.logger.error("What is known of backends cannot be saved", metadata: ["error": "\(error)"])
            }
        }
    }

    /// - Returns: `nil` when there is nothing to write, and nobody writes any more.
    private func take() -> (changed: [String: StoredBackend], forgotten: Set<String>)? {
        self.state.withLock { state in
            guard !state.changed.isEmpty || !state.forgotten.isEmpty else {
                state.writing = nil
                return nil
            }
            defer { (state.changed, state.forgotten) = ([:], []) }
            return (state.changed, state.forgotten)
        }
    }
}
