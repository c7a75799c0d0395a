import Logging
import NIOCore
import ParleyBackends
import ParleyModel
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct BackendSupervisorTests {
    private typealias Fixture = SupervisorFixture

    @Test("A key has one backend, and every connect a token of its own")
    func reuse() async throws {
        let fixture = Fixture()
        let first = try await fixture.connect("k")
        let second = try await fixture.connect("k")
        #expect(first.isSpawned && !second.isSpawned)
        #expect(first.status == .scheduled)
        #expect(first.backend == second.backend)
        #expect(first.token != second.token)
        #expect(first.token.utf8.count == 43 && first.secretToken?.utf8.count == 43)
    }

    @Test("Of many who ask at once for a free key, one spawns")
    func concurrency() async throws {
        let fixture = Fixture()
        let results = try await withThrowingTaskGroup(of: ConnectResult.self) { group in
            for _ in 0..<50 { group.addTask { try await fixture.connect("k") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(results.map(\.backend)).count == 1)
        #expect(results.count { $0.isSpawned } == 1)
        #expect(fixture.supervisor.liveCount == 1)
    }

    @Test("Connects without a key always spawn")
    func keyless() async throws {
        let fixture = Fixture()
        let (first, second) = (try await fixture.connect(), try await fixture.connect())
        #expect(first.backend != second.backend)
        #expect(first.isSpawned && second.isSpawned)
    }

    @Test("Who may not spawn gets the backend that there is, or none")
    func noSpawn() async throws {
        let fixture = Fixture()
        await #expect(throws: BackendFailure.keyUnheld) { try await fixture.connect("k") { $0.spawn = nil } }
        let spawned = try await fixture.connect("k")
        let joined = try await fixture.connect("k") { $0.spawn = nil }
        #expect(joined.backend == spawned.backend)
    }

    @Test("A key that is held with another tag is refused")
    func tags() async throws {
        let fixture = Fixture()
        _ = try await fixture.connect("k") { $0.tag = "one" }
        await #expect(throws: BackendFailure.keyHeld) { try await fixture.connect("k") { $0.tag = "two" } }
    }

    @Test("States come in order, once each, to early and to late listeners")
    func states() async throws {
        let fixture = Fixture()
        let id = try await fixture.connect("k").backend
        let early = try await fixture.states(of: id, until: .ready)
        let late = try await fixture.states(of: id, until: .ready)
        #expect(early.map(\.status) == [.scheduled, .loading, .starting, .waiting, .ready])
        #expect(late == early)
        try fixture.supervisor.terminate(id, .soft)
        let all = try await fixture.states(of: id, until: .terminated)
        #expect(all.map(\.status).suffix(2) == [.terminating, .terminated])
        #expect(all.last?.reason == .external && all.last?.kind == .soft && all.last?.exitCode == 143)
        // Ends by itself, as nothing more can come.
        var afterwards: [BackendState] = []
        for await state in try fixture.supervisor.states(of: id) { afterwards.append(state) }
        #expect(afterwards == all)
    }

    @Test("Whoever hears of the end finds the key free, and the next fencing token is larger")
    func release() async throws {
        let fixture = Fixture()
        let first = try await fixture.connect("k").backend
        try await fixture.states(of: first, until: .ready)
        try fixture.supervisor.terminate(first, .hard)
        try await fixture.states(of: first, until: .terminated)
        let second = try await fixture.connect("k")
        #expect(second.isSpawned && second.backend != first)
        try await fixture.states(of: second.backend, until: .ready)
        let tokens = [first, second.backend].compactMap {
            fixture.runtime[$0]?.order.environment["SESSION_BACKEND_FENCING_TOKEN"].flatMap { Int64($0) }
        }
        #expect(tokens.count == 2 && tokens[0] < tokens[1])
    }

    @Test("A backend at its end still holds its key")
    func dying() async throws {
        let fixture = Fixture(ScriptedRuntime(obeys: false))
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        try fixture.supervisor.terminate(id, .soft)
        let joined = try await fixture.connect("k")
        #expect(joined.backend == id && joined.status == .terminating && !joined.isSpawned)
    }

    @Test("A connect may wait for a key that is about to be released")
    func waiting() async throws {
        let fixture = Fixture(ScriptedRuntime(obeys: false)) { $0.waitForRelease = .seconds(60) }
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        try fixture.supervisor.terminate(id, .soft)
        async let next = fixture.connect("k")
        fixture.runtime[id]?.events?.exited(0)
        let result = try await next
        #expect(result.isSpawned && result.backend != id)
    }

    @Test("A backend gets its names, and none that a request forges")
    func environment() async throws {
        let fixture = Fixture()
        let result = try await fixture.connect("k") { order in
            order.service = ServiceName(account: "a", service: "s")
            order.spawn?.environment = ["SESSION_BACKEND_ID": "forged", "MINE": "1"]
            order.spawn?.usesStaticToken = true
        }
        try await fixture.states(of: result.backend, until: .ready)
        let environment = try #require(fixture.runtime[result.backend]?.order.environment)
        #expect(environment["SESSION_BACKEND_ID"] == result.backend.text)
        #expect(environment["SESSION_BACKEND_KEY"] == "k")
        #expect(environment["SESSION_BACKEND_STATIC_TOKEN"] == result.token)
        #expect(environment["JAMSOCKET_SERVICE"] == "s")
        #expect(environment["MINE"] == "1")
        #expect(result.token.hasPrefix("s.") && result.token.utf8.count == 45 && result.secretToken == nil)
        let again = try await fixture.connect("k")
        #expect(again.token == result.token)
    }

    @Test("An idle backend is swept, a connected one is not, and one that is too old is in any case")
    func sweep() async throws {
        let fixture = Fixture()
        let result = try await fixture.connect("k") { order in
            order.spawn?.maximumIdle = .seconds(3)
            order.spawn?.lifetime = .seconds(100)
        }
        try await fixture.states(of: result.backend, until: .ready)
        let route = try #require(fixture.supervisor.open(result.token).route)
        fixture.clock.advance(20)
        fixture.supervisor.sweep()
        #expect(try fixture.supervisor.info(result.backend).state.status == .ready)
        fixture.supervisor.closed(route)
        fixture.clock.advance(3)
        fixture.supervisor.sweep()
        let states = try await fixture.states(of: result.backend, until: .terminated)
        #expect(states.last?.reason == .swept && states.last?.kind == .soft)

        let old = try await fixture.connect("k") { $0.spawn?.lifetime = .seconds(5) }
        try await fixture.states(of: old.backend, until: .ready)
        _ = fixture.supervisor.open(old.token)
        fixture.clock.advance(5)
        fixture.supervisor.sweep()
        let end = try await fixture.states(of: old.backend, until: .terminated)
        #expect(end.last?.reason == .swept)
    }

    @Test("A request is held until the backend is ready, and the route is gone when it ends")
    func routes() async throws {
        let fixture = Fixture()
        let result = try await fixture.connect("k")
        #expect(fixture.supervisor.open("nonsense").isGone)
        let address: SocketAddress? = await withCheckedContinuation { continuation in
            switch fixture.supervisor.open(result.token) {
            case .pending(let route): _ = fixture.supervisor.whenReady(route) { continuation.resume(returning: $0) }
            case .ready(_, let address): continuation.resume(returning: address)
            case .gone, .full: continuation.resume(returning: nil)
            }
        }
        #expect(address != nil)
        try fixture.supervisor.terminate(result.backend, .soft)
        try await fixture.states(of: result.backend, until: .terminated)
        #expect(fixture.supervisor.open(result.token).isGone)
    }

    @Test("A request that is given up is held no more")
    func givingUp() async throws {
        let fixture = Fixture(isReady: false) { $0.maximumHeldRequests = 1 }
        let result = try await fixture.connect("k")
        for _ in 0..<3 {
            let route = try #require(fixture.supervisor.open(result.token).route)
            let number = fixture.supervisor.whenReady(route) { _ in }
            fixture.supervisor.stopWaiting(number, for: route)
            fixture.supervisor.closed(route)
        }
    }

    @Test("A connection that outlives its backend closes nothing of another with the same id")
    func reusedIDs() async throws {
        let fixture = Fixture { $0.retention = .zero }
        let id = try #require(BackendID("mine"))
        let first = try await fixture.connect { $0.spawn?.id = id }
        try await fixture.states(of: id, until: .ready)
        let route = try #require(fixture.supervisor.open(first.token).route)
        try fixture.supervisor.terminate(id, .hard)
        try await fixture.states(of: id, until: .terminated)
        fixture.supervisor.sweep()
        let second = try await fixture.connect { $0.spawn?.id = id }
        try await fixture.states(of: id, until: .ready)
        _ = fixture.supervisor.open(second.token)
        fixture.supervisor.closed(route)
        #expect(try fixture.supervisor.info(id).openConnections == 1)
    }

    @Test("Held requests hear when the backend ends first, and are bounded")
    func heldRequests() async throws {
        let fixture = Fixture(isReady: false) { $0.maximumHeldRequests = 1 }
        let result = try await fixture.connect("k")
        let route = try #require(fixture.supervisor.open(result.token).route)
        let (answers, answer) = AsyncStream.makeStream(of: Bool.self)
        _ = fixture.supervisor.whenReady(route) { answer.yield($0 != nil) }
        #expect(fixture.supervisor.open(result.token).isFull)
        try await fixture.states(of: result.backend, until: .waiting)
        try fixture.supervisor.terminate(result.backend, .hard)
        #expect(await answers.first { _ in true } == false)
    }

    @Test("A token expires an hour after its last use, and not while it is used")
    func expiry() async throws {
        let fixture = Fixture(lease: LeaseTimes(renewal: .hours(50), softStop: .hours(60), hardStop: .hours(70)))
        let result = try await fixture.connect("k")
        try await fixture.states(of: result.backend, until: .ready)
        let route = try #require(fixture.supervisor.open(result.token).route)
        fixture.clock.advance(5 * 3600)
        fixture.supervisor.purge()
        #expect(fixture.supervisor.open(result.token).isReady)
        fixture.supervisor.closed(route)
        fixture.supervisor.closed(route)
        fixture.clock.advance(3599)
        fixture.supervisor.purge()
        #expect(fixture.supervisor.open(result.token).isReady)
        fixture.supervisor.closed(route)
        fixture.clock.advance(3600)
        #expect(fixture.supervisor.open(result.token).isGone)
        fixture.supervisor.purge()
        #expect(fixture.supervisor.open(result.token).isGone)
    }

    @Test("Tokens of a backend are bounded, and those in use are spared")
    func tokenBound() async throws {
        let fixture = Fixture { $0.maximumTokens = 3 }
        let used = try await fixture.connect("k")
        try await fixture.states(of: used.backend, until: .ready)
        let route = try #require(fixture.supervisor.open(used.token).route)
        var others: [String] = []
        for _ in 0..<4 { others.append(try await fixture.connect("k").token) }
        #expect(fixture.supervisor.route(used.token) != nil)
        #expect(others.map { fixture.supervisor.route($0) != nil } == [false, false, true, true])
        fixture.supervisor.closed(route)
    }

    @Test("What tokens say of their holders is bounded")
    func claimBound() async throws {
        let fixture = Fixture { $0.maximumTokenBytes = 1000 }
        var tokens: [String] = []
        for _ in 0..<10 {
            tokens.append(try await fixture.connect("k") { $0.user = String(repeating: "u", count: 398) }.token)
        }
        #expect(tokens.map { fixture.supervisor.route($0) != nil } == Array(repeating: false, count: 8) + [true, true])
    }

    @Test("Output of backends that have ended is bounded, and the latest stays")
    func keptOutput() async throws {
        let fixture = Fixture { $0.maximumKeptOutputBytes = 10 }
        var ids: [BackendID] = []
        for _ in 0..<4 {
            let id = try await fixture.connect().backend
            try await fixture.states(of: id, until: .ready)
            fixture.runtime[id]?.events?.output(["1234"])
            fixture.runtime[id]?.events?.exited(0)
            try await fixture.states(of: id, until: .terminated)
            fixture.runtime[id]?.events?.output(["late"])
            ids.append(id)
        }
        var kept: [[String]] = []
        for id in ids { kept.append(await (try fixture.supervisor.output(of: id)).reduce(into: []) { $0.append($1) }) }
        #expect(kept == [[], [], ["1234"], ["1234"]])
    }

    @Test("Revocation takes a user's tokens, closes what is open with them, and spares those of others")
    func revocation() async throws {
        let fixture = Fixture()
        let alice = try await fixture.connect("k") { $0.user = "alice" }
        let bob = try await fixture.connect("k") { $0.user = "bob" }
        try await fixture.states(of: alice.backend, until: .ready)
        let route = try #require(fixture.supervisor.open(alice.token).route)
        let (closings, closed) = AsyncStream.makeStream(of: Void.self)
        _ = fixture.supervisor.register(route) { closed.yield() }
        #expect(try fixture.supervisor.revoke(alice.backend, user: "alice") == 1)
        #expect(try fixture.supervisor.revoke(alice.backend, user: "carol") == 0)
        _ = await closings.first { _ in true }
        #expect(fixture.supervisor.open(alice.token).isGone)
        #expect(fixture.supervisor.open(bob.token).isReady)
        fixture.supervisor.closed(route)
    }

    @Test(
        "Keys and users are told apart by their bytes",
        arguments: [("caf\u{E9}", "cafe\u{301}"), ("\u{C5}", "\u{212B}"), ("K", "\u{212A}")]
    )
    func bytes(one: String, other: String) async throws {
        let fixture = Fixture()
        let first = try await fixture.connect(one) { $0.user = one }
        #expect(try await fixture.connect(other).backend != first.backend)
        #expect(try await fixture.connect(one).backend == first.backend)
        let second = try await fixture.connect(one) { $0.user = other }
        #expect(second.backend == first.backend)
        await #expect(throws: BackendFailure.keyHeld) { try await fixture.connect(one) { $0.tag = other } }
        #expect(try fixture.supervisor.revoke(first.backend, user: other) == 1)
        #expect(fixture.supervisor.route(second.token) == nil)
        #expect(fixture.supervisor.route(first.token) != nil)
        #expect(BackendKey(scope: one, name: "") != BackendKey(scope: other, name: ""))
        #expect(Set([ServiceName(account: one, service: one), ServiceName(account: other, service: one)]).count == 2)
    }

    @Test("A backend that cannot be launched ends in error, and says why in its output")
    func launchFailure() async throws {
        let fixture = Fixture(ScriptedRuntime(failure: LaunchFailure("no such command")))
        let id = try await fixture.connect("k").backend
        let states = try await fixture.states(of: id, until: .terminated)
        #expect(states.map(\.status) == [.scheduled, .loading, .terminated])
        #expect(states.last?.isExitError == true && states.last?.reason == nil)
        var lines: [String] = []
        for await line in try fixture.supervisor.output(of: id) { lines.append(line) }
        #expect(lines == ["parley: no such command"])
    }

    @Test("Output comes to early and to late readers, and ends with the backend")
    func output() async throws {
        let fixture = Fixture()
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        let early = try fixture.supervisor.output(of: id)
        fixture.runtime[id]?.events?.output(["one", "two"])
        let late = try fixture.supervisor.output(of: id)
        fixture.runtime[id]?.events?.exited(0)
        for stream in [early, late] {
            #expect(await stream.reduce(into: []) { $0.append($1) } == ["one", "two"])
        }
    }

    @Test("Backends are bounded, in all and by account and minute")
    func bounds() async throws {
        let fixture = Fixture { configuration in
            configuration.maximumLive = 3
            configuration.spawnsPerMinute = 2
        }
        let service = ServiceName(account: "a", service: "s")
        for _ in 0..<2 { _ = try await fixture.connect { $0.service = service } }
        fixture.clock.advance(20)
        let failure = await #expect(throws: BackendFailure.self) { try await fixture.connect { $0.service = service } }
        #expect(failure == .rateLimited && failure?.retryAfter == 41)
        fixture.clock.advance(60)
        _ = try await fixture.connect { $0.service = service }
        await #expect(throws: BackendFailure.noCapacity) { try await fixture.connect() }
    }

    @Test("Ended backends are remembered for a while, the latest ones")
    func retention() async throws {
        let fixture = Fixture { $0.maximumRemembered = 2 }
        var ids: [BackendID] = []
        for _ in 0..<3 {
            let id = try await fixture.connect().backend
            try await fixture.states(of: id, until: .ready)
            try fixture.supervisor.terminate(id, .hard)
            try await fixture.states(of: id, until: .terminated)
            ids.append(id)
        }
        #expect(throws: BackendFailure.backendNotFound) { try fixture.supervisor.info(ids[0]) }
        #expect(throws: BackendFailure.notRunning) { try fixture.supervisor.terminate(ids[2], .soft) }
        fixture.clock.advance(24 * 3600)
        fixture.supervisor.sweep()
        #expect(throws: BackendFailure.backendNotFound) { try fixture.supervisor.info(ids[2]) }
    }

    @Test("A backend whose key can be kept no longer ends for that reason")
    func lostLease() async throws {
        let fixture = Fixture()
        let result = try await fixture.connect("k")
        try await fixture.states(of: result.backend, until: .ready)
        fixture.clock.advance(1000)
        #expect(fixture.supervisor.open(result.token).isGone)
        fixture.supervisor.sweep()
        let states = try await fixture.states(of: result.backend, until: .terminated)
        #expect(states.last?.reason == .keyExpired && states.last?.kind == .hard)
    }

    @Test("A draining node takes nothing new")
    func draining() async throws {
        let fixture = Fixture()
        let result = try await fixture.connect("k")
        #expect(try await fixture.supervisor.drain("dr-1") == true)
        #expect(try await fixture.supervisor.drain("dr-1") == false)
        #expect(try await fixture.supervisor.drain("dr-2") == nil)
        await #expect(throws: BackendFailure.draining) { try await fixture.connect() }
        #expect(try await fixture.connect("k").backend == result.backend)
        let node = BackendNode(name: "dr-1", cluster: "test", liveBackends: 1)
        #expect(try await fixture.supervisor.nodes() == [ListedNode(node, isDraining: true)])
        #expect(try await fixture.supervisor.drain("dr-1", false) == true)
        #expect(try await fixture.connect().isSpawned)
        await fixture.supervisor.shutDown()
        #expect(try await fixture.supervisor.nodes() == [])
    }

    @Test("Shutting down ends all backends softly, and those that do not listen in the end")
    func shutdown() async throws {
        let fixture = Fixture(ScriptedRuntime(obeys: false))
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        async let done: Void = fixture.supervisor.shutDown()
        try await fixture.states(of: id, until: .terminating)
        await #expect(throws: BackendFailure.shuttingDown) { try await fixture.connect("other") }
        fixture.clock.advance(30)
        await done
        let state = try fixture.supervisor.info(id).state
        #expect(state.status == .terminated && state.kind == .soft && state.exitCode == 137)
    }
}

extension RouteAnswer {
    var isGone: Bool { if case .gone = self { true } else { false } }
    var isReady: Bool { if case .ready = self { true } else { false } }
    var isFull: Bool { if case .full = self { true } else { false } }
    var route: BackendRoute? {
        switch self {
        case .ready(let route, _), .pending(let route): route
        case .gone, .full: nil
        }
    }
}
