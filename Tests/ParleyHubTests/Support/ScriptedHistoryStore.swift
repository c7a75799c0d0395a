import ParleyHub
import ParleyModel
import Synchronization

/// A store of histories that works when a test says so.
final class ScriptedHistoryStore: HistoryStore {
    private struct State {
        var failingReads = 0
        var failingWrites = 0
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var hasRemoved = false
        var hasRead = false
        var removalWatcher: CheckedContinuation<Void, Never>?
        var readWatcher: CheckedContinuation<Void, Never>?
    }

    let memory = MemoryHistoryStore()
    private let state = Mutex(State())

    var boot: UInt64 { self.memory.boot }

    /// So many calls from now on fail.
    func fail(reads: Int = 0, writes: Int = 0) {
        self.state.withLock { state in
            state.failingReads = reads
            state.failingWrites = writes
        }
    }

    /// Writes wait from now on.
    func close() { self.state.withLock { $0.isClosed = true } }

    /// Writes go on. Whoever has waited is among them.
    func open() {
        let waiting = self.state.withLock { state in
            defer { state.waiting = [] }
            state.isClosed = false
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    func append(_ publications: [StoredPublication], keeping limits: [TopicKey: Int]) async throws {
        await withCheckedContinuation { continuation in
            let isOpen = self.state.withLock { state in
                if state.isClosed { state.waiting.append(continuation) }
                return !state.isClosed
            }
            if isOpen { continuation.resume() }
        }
        let fails = self.state.withLock { state in
            defer { state.failingWrites = max(0, state.failingWrites - 1) }
            return state.failingWrites > 0
        }
        if fails { throw StoreError(.unavailable, "It does not write") }
        self.memory.append(publications, keeping: limits)
    }

    func publications(in topic: TopicKey) async throws -> [StoredPublication] {
        let fails = self.state.withLock { state in
            defer { state.failingReads = max(0, state.failingReads - 1) }
            return state.failingReads > 0
        }
        if fails { throw StoreError(.unavailable, "It does not read") }
        defer {
            self.state.withLock { state in
                state.hasRead = true
                return state.readWatcher.take()
            }?.resume()
        }
        return self.memory.publications(in: topic)
    }

    /// Something has been read.
    func read() async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                if !state.hasRead { state.readWatcher = continuation }
                return state.hasRead
            }
            if isOver { continuation.resume() }
        }
    }

    func topics() async throws -> [TopicKey] { self.memory.topics() }

    func remove(_ topics: [TopicKey]) async throws {
        self.memory.remove(topics)
        self.state.withLock { state in
            state.hasRemoved = true
            return state.removalWatcher.take()
        }?.resume()
    }

    /// Something has been removed.
    func removed() async {
        await withCheckedContinuation { continuation in
            let isOver = self.state.withLock { state in
                if !state.hasRemoved { state.removalWatcher = continuation }
                return state.hasRemoved
            }
            if isOver { continuation.resume() }
        }
    }
}
