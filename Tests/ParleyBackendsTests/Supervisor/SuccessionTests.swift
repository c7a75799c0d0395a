import NIOCore
import ParleyBackends
import ParleyModel
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct SuccessionTests {
    private let fixture = SupervisorFixture()

    private func connect(_ key: String = "k", user: String? = nil) async throws -> (BackendID, BackendRoute) {
        let result = try await self.fixture.connect(key) { order in
            order.spawn?.resume = ResumePolicy()
            order.user = user
        }
        try await self.fixture.states(of: result.backend, until: .ready)
        return (result.backend, try #require(self.fixture.supervisor.route(result.token)))
    }

    private func ask(_ route: BackendRoute) -> Task<Succession, Never> {
        let (supervisor, deadline) = (self.fixture.supervisor, self.fixture.clock.now + .seconds(60))
        return Task { await supervisor.successor(of: route, until: deadline) }
    }

    private func route(_ succession: Succession) throws -> BackendRoute {
        guard case .successor(let route) = succession else {
            Issue.record("\(succession)")
            throw CancellationError()
        }
        return route
    }

    private static func name(of succession: Succession) -> String {
        switch succession {
        case .successor: "successor"
        case .stayed: "stayed"
        case .none: "none"
        case .shuttingDown: "shuttingDown"
        }
    }

    /// Lets time pass until somebody's patience is at its end.
    private func advance(_ seconds: Int64, until task: Task<Succession, Never>) async -> Succession {
        let (clock, supervisor) = (self.fixture.clock, self.fixture.supervisor)
        let driver = Task {
            while !Task.isCancelled {
                clock.advance(seconds)
                supervisor.sweep()
                await Task.yield()
            }
        }
        defer { driver.cancel() }
        return await task.value
    }

    @Test("A backend that ends by itself is started again, once for all who wait, each as who it was")
    func restart() async throws {
        let (first, route) = try await self.connect(user: "ada")
        let other = try await self.connect(user: "bob").1
        #expect(route.resume == ResumePolicy())
        let waiting = [self.ask(route), self.ask(other)]
        self.fixture.runtime[first]?.events?.exited(137)
        let next = try self.route(await waiting[0].value)
        let nextOther = try self.route(await waiting[1].value)
        #expect(next.backend != first && next.backend == nextOther.backend)
        #expect((next.user, nextOther.user) == ("ada", "bob"))
        #expect(next.token != route.token && next.secret != route.secret)
        #expect(self.fixture.runtime[next.backend]?.order.environment["SESSION_BACKEND_KEY"] == "k")
    }

    @Test("One that somebody ended is not started again, but followed by whom another connect starts")
    func terminated() async throws {
        let (first, route) = try await self.connect()
        let waiting = self.ask(route)
        try self.fixture.supervisor.terminate(first, .soft)
        try await self.fixture.states(of: first, until: .terminated)
        #expect(self.fixture.supervisor.liveCount == 0)
        let second = try await self.connect().0
        #expect(try self.route(await waiting.value).backend == second)
    }

    @Test("When nobody comes, the wait ends in time")
    func nobody() async throws {
        let (first, route) = try await self.connect()
        let waiting = self.ask(route)
        try self.fixture.supervisor.terminate(first, .hard)
        try await self.fixture.states(of: first, until: .terminated)
        #expect(Self.name(of: await self.advance(1, until: waiting)) == "none")
    }

    @Test("A backend that lives has closed its connection itself")
    func stayed() async throws {
        let route = try await self.connect().1
        #expect(Self.name(of: await self.advance(1, until: self.ask(route))) == "stayed")
    }

    @Test("One that does not stay is not started again at once a second time")
    func pace() async throws {
        let (first, route) = try await self.connect()
        self.fixture.runtime[first]?.events?.exited(1)
        let second = try self.route(await self.ask(route).value)
        try await self.fixture.states(of: second.backend, until: .ready)
        self.fixture.runtime[second.backend]?.events?.exited(1)
        try await self.fixture.states(of: second.backend, until: .terminated)
        let waiting = self.ask(second)
        for _ in 0..<100 { await Task.yield() }
        #expect(self.fixture.supervisor.liveCount == 0)
        self.fixture.clock.advance(1)
        let third = try self.route(await self.advance(0, until: waiting))
        #expect(third.backend != second.backend)
    }

    @Test("Nobody's socket goes on whose tokens were taken back")
    func revoked() async throws {
        let (first, route) = try await self.connect(user: "ada")
        let bystander = try await self.connect(user: "bob").1
        #expect(try self.fixture.supervisor.revoke(first, user: "ada") == 1)
        self.fixture.runtime[first]?.events?.exited(0)
        #expect(Self.name(of: await self.ask(route).value) == "none")
        _ = try self.route(await self.ask(bystander).value)
    }

    @Test("Nor if they are taken back while it waits")
    func revokedWhileWaiting() async throws {
        let (first, route) = try await self.connect(user: "ada")
        let waiting = self.ask(route)
        try self.fixture.supervisor.terminate(first, .hard)
        try await self.fixture.states(of: first, until: .terminated)
        for _ in 0..<100 { await Task.yield() }
        _ = try self.fixture.supervisor.revoke(first, user: "ada")
        _ = try await self.connect(user: "bob")
        #expect(Self.name(of: await waiting.value) == "none")
    }

    @Test("Whoever waits no more is let go at once, and starts nothing")
    func cancelled() async throws {
        let (first, route) = try await self.connect()
        let waiting = self.ask(route)
        waiting.cancel()
        #expect(Self.name(of: await waiting.value) == "stayed")
        self.fixture.runtime[first]?.events?.exited(1)
        try await self.fixture.states(of: first, until: .terminated)
        #expect(self.fixture.supervisor.liveCount == 0)
    }

    @Test("A server that shuts down lets nobody wait")
    func shutdown() async throws {
        let (first, route) = try await self.connect()
        let waiting = self.ask(route)
        try self.fixture.supervisor.terminate(first, .hard)
        try await self.fixture.states(of: first, until: .terminated)
        await self.fixture.supervisor.shutDown()
        #expect(Self.name(of: await waiting.value) == "shuttingDown")
    }

    @Test("Sockets hear when their backend is asked to end, also those that ask late")
    func leaving() async throws {
        let (first, route) = try await self.connect()
        let heard = Mutex(0)
        _ = self.fixture.supervisor.whenLeaving(route) { heard.withLock { $0 += 1 } }
        let unwanted = self.fixture.supervisor.whenLeaving(route) { heard.withLock { $0 += 10 } }
        self.fixture.supervisor.stopWatching(unwanted, of: route)
        #expect(self.fixture.supervisor.isServing(route))
        try self.fixture.supervisor.terminate(first, .soft)
        try await self.fixture.states(of: first, until: .terminating)
        #expect(heard.withLock { $0 } == 1)
        #expect(!self.fixture.supervisor.isServing(route))
        _ = self.fixture.supervisor.whenLeaving(route) { heard.withLock { $0 += 1 } }
        #expect(heard.withLock { $0 } == 2)
    }
}
