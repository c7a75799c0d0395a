import NIOCore
import ParleyBackends
import ParleyHub
import ParleyModel
import Synchronization
import Testing

/// What a supervisor makes of directories that do not answer, or have bad news.
@Suite(.timeLimit(.minutes(1))) struct CoordinationTests {
    /// Keys in memory, whose answers get lost as a test says.
    private final class TroubledKeys: KeyDirectory {
        struct State: Sendable {
            /// How many acquisitions are done, and not answered.
            var lostAcquisitions = 0
            /// How many releases are not done.
            var failedReleases = 0
        }

        let inner: any KeyDirectory
        let state = Mutex(State())
        let released: AsyncStream<KeyGrant>
        private let release: AsyncStream<KeyGrant>.Continuation

        init(_ inner: any KeyDirectory) {
            self.inner = inner
            (self.released, self.release) = AsyncStream.makeStream(of: KeyGrant.self)
        }

        private static var silence: StoreError { StoreError(.unavailable, "No answer in time") }

        func acquire(_ key: BackendKey, for holder: KeyHolder, lease: TimeAmount) async throws -> KeyAcquisition {
            let answer = try await self.inner.acquire(key, for: holder, lease: lease)
            try self.state.withLock { state in
                guard state.lostAcquisitions > 0 else { return }
                state.lostAcquisitions -= 1
                throw Self.silence
            }
            return answer
        }

        func renew(_ grant: KeyGrant, lease: TimeAmount) async throws -> Bool {
            try await self.inner.renew(grant, lease: lease)
        }

        func release(_ grant: KeyGrant) async throws {
            try self.state.withLock { state in
                guard state.failedReleases > 0 else { return }
                state.failedReleases -= 1
                throw Self.silence
            }
            try await self.inner.release(grant)
            self.release.yield(grant)
        }

        func holder(of key: BackendKey) async throws -> KeyGrant? { try await self.inner.holder(of: key) }
        func advanceFencing(past token: Int64) async throws { try await self.inner.advanceFencing(past: token) }
    }

    /// A directory of nodes that nobody can ask.
    private struct SilentNodes: BackendNodeDirectory {
        private static var silence: StoreError { StoreError(.unavailable, "No answer in time") }

        func announce(_ node: BackendNode, lease: TimeAmount) async throws { throw Self.silence }
        func withdraw(_ name: String) async throws { throw Self.silence }
        func nodes() async throws -> [ListedNode] { throw Self.silence }
        func drain(_ name: String, _ isDraining: Bool) async throws -> Bool? { throw Self.silence }
    }

    private static func troubled(
        _ change: (inout TroubledKeys.State) -> Void = { _ in }
    ) -> (TroubledKeys, SupervisorFixture) {
        var keys: TroubledKeys?
        let fixture = SupervisorFixture(coordinate: { coordination in
            let troubled = TroubledKeys(coordination.keys)
            keys = troubled
            coordination.keys = troubled
        })
        guard let keys else { preconditionFailure("a fixture coordinates") }
        keys.state.withLock { change(&$0) }
        return (keys, fixture)
    }

    private static let key = BackendKey(scope: "a/s", name: "k")

    @Test("A key whose acquisition was not answered is let go again, and nothing runs for it")
    func lostAcquisition() async throws {
        let (keys, fixture) = Self.troubled { $0.lostAcquisitions = 1 }
        await #expect(throws: BackendFailure.keyLockFailed) { try await fixture.connect("k") }
        #expect(fixture.supervisor.liveCount == 0)
        let released = await keys.released.first { _ in true }
        #expect(released?.key == Self.key)
        #expect(try await fixture.connect("k").isSpawned)
    }

    @Test("A key that cannot be released at once is free all the same when the end is heard of")
    func failedRelease() async throws {
        let (_, fixture) = Self.troubled { $0.failedReleases = 2 }
        let first = try await fixture.connect("k").backend
        try await fixture.states(of: first, until: .ready)
        try fixture.supervisor.terminate(first, .hard)
        try await fixture.states(of: first, until: .terminated)
        #expect(try await fixture.connect("k").isSpawned)
    }

    @Test("A backend ends softly whose key is not its own any more")
    func refusedRenewal() async throws {
        let (keys, fixture) = Self.troubled()
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        try await keys.release(try #require(try await keys.holder(of: Self.key)))
        fixture.clock.advance(30)
        fixture.supervisor.sweep()
        let states = try await fixture.states(of: id, until: .terminated)
        #expect(states.last?.reason == .keyExpired && states.last?.kind == .soft)
    }

    @Test("A key that another node holds is not spawned for")
    func elsewhere() async throws {
        let (keys, fixture) = Self.troubled()
        let holder = KeyHolder(backend: try #require(BackendID("b")), node: "dr-2")
        _ = try await keys.acquire(Self.key, for: holder, lease: .seconds(60))
        await #expect(throws: BackendFailure.keyLockFailed) { try await fixture.connect("k") }
        #expect(fixture.supervisor.liveCount == 0)
    }

    @Test("Who cannot ask the directory of nodes says so, and not that there are none")
    func silentNodes() async throws {
        let fixture = SupervisorFixture(coordinate: { coordination in
            coordination.nodes = SilentNodes()
            coordination.placement = LeastBusyPlacement(SilentNodes())
        })
        await #expect(throws: StoreError.self) { try await fixture.supervisor.enter() }
        let order = ConnectOrder(key: Self.key, spawn: SpawnOrder(.command(["program"])))
        await #expect(throws: BackendFailure.internalError) { try await fixture.supervisor.connect(order) }
        await #expect(throws: BackendFailure.internalError) { try await fixture.supervisor.nodes() }
        await #expect(throws: BackendFailure.internalError) { try await fixture.supervisor.drain("dr-1") }
        await fixture.supervisor.shutDown()
    }

    @Test("A node that is listed with its backends is so again after a silence, when it is swept")
    func announcements() async throws {
        let lease = LeaseTimes(renewal: .hours(1), softStop: .hours(2), hardStop: .hours(3), expiry: .hours(4))
        var nodes: (any BackendNodeDirectory)?
        let fixture = SupervisorFixture(
            lease: lease,
            coordinate: { coordination in
                coordination.nodeLease = .seconds(45)
                nodes = coordination.nodes
            }
        )
        let directory = try #require(nodes)
        _ = try await fixture.connect("k")
        fixture.clock.advance(46)
        #expect(try await directory.nodes() == [])
        fixture.supervisor.sweep()
        while try await directory.nodes().isEmpty { await Task.yield() }
        #expect(try await directory.nodes().map(\.node.liveBackends) == [1])
    }
}
