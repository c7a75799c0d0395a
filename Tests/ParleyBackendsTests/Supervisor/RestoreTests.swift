import NIOCore
import ParleyBackends
import ParleyHub
import ParleyModel
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct RestoreTests {
    /// Keeps what it is given, and hands out what an earlier life has left.
    private final class Store: BackendStore {
        struct State: Sendable {
            var saved: [String: StoredBackend] = [:]
            var deleted: Set<String> = []
            var isClosed = false
            /// How many writes fail before one does not.
            var failures = 0
        }

        let state = Mutex(State())
        private let left: [StoredBackend]
        private let highestToken: Int64

        init(_ left: [StoredBackend] = [], highestToken: Int64 = 0) {
            self.left = left
            self.highestToken = highestToken
        }

        func takeOver() async -> [StoredBackend] { self.left }
        func highestFencingToken() async -> Int64 { self.highestToken }

        func save(_ backends: [StoredBackend]) async throws {
            try self.state.withLock { state in
                guard state.failures == 0 else {
                    state.failures -= 1
                    throw StoreError(.unavailable, "Not now")
                }
                for backend in backends { state.saved[backend.id] = backend }
            }
        }

        func delete(_ ids: [String]) async { self.state.withLock { $0.deleted.formUnion(ids) } }
        func close() async { self.state.withLock { $0.isClosed = true } }
    }

    private static func stored(_ id: String, _ statuses: [String]) -> StoredBackend {
        StoredBackend(
            id: id,
            keyScope: "a/s",
            keyName: "k",
            service: "a/s",
            node: "dr-0",
            createdAt: WallTime(milliseconds: 0),
            fencingToken: 5,
            memoryLimitBytes: 100,
            states: statuses.map { .init(status: $0, time: 0, exitCode: $0 == "terminated" ? 3 : nil) }
        )
    }

    private static func id(_ text: String) throws -> BackendID { try #require(BackendID(text)) }

    @Test("A backend is written down as it lives, and to the end")
    func writes() async throws {
        let store = Store()
        let fixture = SupervisorFixture(store: store)
        let connected = try await fixture.connect("k")
        try await fixture.states(of: connected.backend, until: .ready)
        await fixture.supervisor.shutDown()
        let saved = try #require(store.state.withLock { $0.saved[connected.backend.text] })
        #expect(saved.keyName == "k" && saved.keyScope == "a/s" && saved.fencingToken > 0)
        #expect(
            saved.states.map(\.status)
                == ["scheduled", "loading", "starting", "waiting", "ready", "terminating", "terminated"]
        )
        #expect(saved.states.last?.exitCode == 143 && saved.states.last?.reason == "external")
        #expect(store.state.withLock { $0.isClosed })
    }

    @Test("What had ended is known again; what had not was killed just now, or is lost")
    func restores() async throws {
        let store = Store([
            Self.stored("ended", ["scheduled", "terminated"]), Self.stored("left", ["scheduled", "ready"]),
            Self.stored("gone", ["scheduled", "loading"]),
        ])
        let fixture = SupervisorFixture(store: store)
        try await fixture.supervisor.restore(orphans: [try Self.id("left"), try Self.id("unknown")])

        let ended = try fixture.supervisor.info(try Self.id("ended"))
        #expect(ended.state.exitCode == 3 && ended.key.name == "k" && ended.service?.description == "a/s")
        #expect(ended.memoryLimitBytes == 100 && ended.node == "dr-0")
        let left = try fixture.supervisor.info(try Self.id("left"))
        #expect(left.states.map(\.status) == [.scheduled, .ready, .hardTerminating, .terminated])
        #expect(left.state.reason == .keyExpired && left.state.kind == .hard)
        let gone = try fixture.supervisor.info(try Self.id("gone")).state
        #expect(gone.status == .terminated && gone.reason == .lost && gone.kind == nil)
        #expect(try fixture.supervisor.info(try Self.id("unknown")).state.reason == .keyExpired)
        #expect(fixture.supervisor.live().isEmpty && fixture.supervisor.liveCount == 0)
        #expect(throws: BackendFailure.notRunning) { try fixture.supervisor.terminate(try Self.id("gone"), .soft) }
        // The key is free.
        #expect(try await fixture.connect("k").isSpawned)
        await fixture.supervisor.shutDown()
        #expect(store.state.withLock { $0.saved["gone"]?.states.last?.reason } == "lost")
    }

    @Test("No fencing token of an earlier life is given again, though the clock was set back")
    func fencing() async throws {
        let fixture = SupervisorFixture(store: Store(highestToken: 5_000_000))
        try await fixture.supervisor.restore(orphans: [])
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        let environment = fixture.runtime[id]?.order.environment
        #expect(environment?["SESSION_BACKEND_FENCING_TOKEN"] == "5000001")
    }

    @Test("What could not be written is written later, and nothing waits for it for long")
    func retries() async throws {
        let store = Store()
        store.state.withLock { $0.failures = 2 }
        let fixture = SupervisorFixture(store: store)
        let connected = try await fixture.connect("k")
        try await fixture.states(of: connected.backend, until: .ready)
        fixture.runtime[connected.backend]?.events?.exited(3)
        try await fixture.states(of: connected.backend, until: .terminated)
        await fixture.supervisor.shutDown()
        #expect(store.state.withLock { $0.saved[connected.backend.text]?.states.last?.exitCode } == 3)
    }

    @Test("One that ended too long ago is forgotten, however young the machine's own clock is")
    func retention() async throws {
        let store = Store([Self.stored("old", ["terminated"])])
        let fixture = SupervisorFixture(store: store, wall: WallTime(milliseconds: 90_000_000))
        try await fixture.supervisor.restore(orphans: [])
        await fixture.supervisor.shutDown()
        #expect(store.state.withLock { $0.deleted } == ["old"])
    }

    @Test("What is forgotten here is forgotten there")
    func forgets() async throws {
        let store = Store([Self.stored("a", ["terminated"]), Self.stored("b", ["terminated"])])
        let fixture = SupervisorFixture(store: store) { $0.maximumRemembered = 1 }
        try await fixture.supervisor.restore(orphans: [])
        await fixture.supervisor.shutDown()
        #expect(store.state.withLock { $0.deleted } == ["a"])
        #expect(throws: BackendFailure.backendNotFound) { try fixture.supervisor.info(try Self.id("a")) }
    }
}
