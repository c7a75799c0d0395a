import NIOCore
import ParleyHub
import ParleyModel
import Testing

@testable import ParleyBackends

@Suite struct SupervisorMachineTests {
    /// A machine whose time stands still until it is told to go on.
    private struct Fixture {
        var machine: SupervisorMachine
        var now = NIODeadline.zero + .seconds(1000)

        init(isRecording: Bool = false, _ configure: (inout SupervisorConfiguration) -> Void = { _ in }) {
            var configuration = SupervisorConfiguration()
            configure(&configuration)
            self.machine = SupervisorMachine(
                configuration,
                lease: LeaseTimes(),
                nodeLease: .seconds(45),
                isRecording: isRecording
            )
        }

        var moment: BackendLifecycle.Moment { .init(uptime: self.now, wall: WallTime(milliseconds: 1)) }

        mutating func reserve(_ id: String) -> BackendFailure? {
            let order = ConnectOrder(key: Self.key(id), spawn: SpawnOrder(.command(["program"])))
            guard let spawn = order.spawn else { return nil }
            return self.machine.reserve(
                BackendID(unchecked: id),
                spawn,
                Self.key(id),
                order,
                node: "n",
                staticToken: nil,
                at: self.moment
            )
        }

        mutating func acquire(_ id: String) -> [String]? {
            let holder = KeyHolder(backend: BackendID(unchecked: id), node: "n")
            let grant = KeyGrant(key: Self.key(id), holder: holder, fencingToken: 7)
            return self.machine.acquired(
                grant,
                for: BackendID(unchecked: id),
                ConnectOrder(),
                requestedAt: self.now,
                TokenSecrets(token: "token-\(id)", secret: "secret"),
                at: self.now
            )?.effects.map(\.action.name)
        }

        /// Brings a backend to a status; what is told on the way is left out.
        mutating func bring(_ id: String, to status: BackendStatus) {
            if self.machine[BackendID(unchecked: id)] == nil {
                _ = self.reserve(id)
                _ = self.acquire(id)
            }
            for step in [Step.event(.taken), .event(.prepared), .launched, .event(.answered)] {
                guard let record = self.machine[BackendID(unchecked: id)], record.lifecycle.status < status else {
                    return
                }
                _ = self.take(step, id)
            }
        }

        mutating func take(_ step: Step, _ id: String) -> [String] {
            let id = BackendID(unchecked: id)
            let effects: [BackendEffect]
            switch step {
            case .event(let event): effects = self.machine.receive(event, for: id, at: self.moment)
            case .launched: effects = self.machine.launched(id, at: SupervisorMachineTests.address, self.moment)
            case .finish: effects = self.machine.finish(id, at: self.now)
            case .after(let seconds):
                self.now = self.now + .seconds(seconds)
                effects = self.machine.sweep(at: self.moment).effects
            }
            return effects.map(\.action.name)
        }

        static func key(_ name: String) -> BackendKey { BackendKey(scope: "a/s", name: name) }
    }

    enum Step: Sendable {
        case event(BackendLifecycle.Event)
        case launched
        /// The key is released.
        case finish
        /// So many seconds later.
        case after(Int64)
    }

    private static let address: SocketAddress = {
        do { return try SocketAddress(ipAddress: "127.0.0.1", port: 1) } catch { preconditionFailure("\(error)") }
    }()

    private static let soft = Step.event(.stop(.soft, .external))
    private static let hard = Step.event(.stop(.hard, .external))

    @Test(
        "What happens to a backend has its consequences, in their order",
        arguments: [
            (.scheduled, .event(.taken), ["tell loading", "prepare"]),
            (.loading, .event(.prepared), ["tell starting", "launch"]),
            (.loading, .event(.launchFailed), ["stopPolling", "call 1", "release 7"]),
            (.starting, .launched, ["tell waiting", "poll"]),
            (.waiting, .event(.answered), ["answer 1 address", "tell ready"]),
            (
                .waiting, .after(300),
                ["stopPolling", "answer 1 nothing", "call 1", "tell hard-terminating", "signal hard"]
            ),
            (
                .waiting, .event(.pollingFailed),
                ["stopPolling", "answer 1 nothing", "call 1", "tell hard-terminating", "signal hard"]
            ),
            (
                .scheduled, soft,
                ["stopPolling", "answer 1 nothing", "call 1", "tell terminating", "stopPolling", "release 7"]
            ),
            (.ready, soft, ["stopPolling", "call 1", "tell terminating", "signal soft"]),
            (.ready, hard, ["stopPolling", "call 1", "tell hard-terminating", "signal hard"]),
            (.ready, .event(.exited(code: 3)), ["stopPolling", "call 1", "release 7"]),
            (.ready, .event(.lost), ["stopPolling", "call 1", "release 7"]), (.ready, .event(.taken), []),
            (.ready, .after(50), ["stopPolling", "call 1", "tell hard-terminating", "signal hard"]),
        ] as [(BackendStatus, Step, [String])]
    )
    func consequences(status: BackendStatus, step: Step, effects: [String]) throws {
        var fixture = Fixture()
        fixture.bring("b", to: status)
        let id = BackendID(unchecked: "b")
        let number = try #require(fixture.machine.numbers[id])
        let route = try #require(fixture.machine.route("token-b", at: fixture.now))
        let feed = AsyncStream.makeStream(of: BackendState.self).continuation
        _ = fixture.machine.listen(to: id, number: fixture.machine.makeNumber(), feed)
        _ = fixture.machine.wait(for: route, number: fixture.machine.makeNumber()) { _ in }
        _ = fixture.machine.watch(route, number: fixture.machine.makeNumber()) {}
        #expect(fixture.take(step, "b") == effects)
        // Whoever was told is not told again.
        if fixture.machine.records[number]?.isServing == false {
            #expect(fixture.machine.records[number]?.leavingWatchers.isEmpty == true)
        }
    }

    @Test("A backend goes from its key to its end, and nobody hears of that before the key is free")
    func life() {
        var fixture = Fixture(isRecording: true)
        #expect(fixture.reserve("b") == nil)
        #expect(fixture.acquire("b") == ["save scheduled", "logSpawn", "take"])
        fixture.bring("b", to: .ready)
        #expect(fixture.take(Self.soft, "b") == ["stopPolling", "save terminating", "signal soft"])
        #expect(fixture.take(.after(29), "b") == [])
        #expect(fixture.take(.after(1), "b") == ["signal hard"])
        #expect(fixture.take(.event(.exited(code: 137)), "b") == ["stopPolling", "release 7"])
        #expect(fixture.machine[BackendID(unchecked: "b")]?.state.status == .terminating)
        #expect(fixture.take(.finish, "b") == ["save terminated", "logEnd"])
        #expect(fixture.take(.finish, "b") == [])
        #expect(fixture.machine.live.isEmpty && fixture.machine.labels.isEmpty && fixture.machine.tokens.isEmpty)
        #expect(fixture.machine.heldCount == 0)
        #expect(fixture.take(.after(24 * 3600), "b") == ["forget"])
        #expect(fixture.machine.records.isEmpty && fixture.machine.numbers.isEmpty)
    }

    @Test("One that is told to end before it has its key lets go of it, and holds nothing")
    func early() {
        var fixture = Fixture()
        #expect(fixture.reserve("b") == nil)
        #expect(fixture.machine.shutDown().backends.map(\.text) == ["b"])
        #expect(fixture.take(Self.soft, "b") == ["stopPolling", "stopPolling", "release nothing"])
        #expect(fixture.acquire("b") == nil)
        #expect(fixture.take(.finish, "b") == ["logEnd"])
        #expect(fixture.reserve("c") == .shuttingDown)
    }

    @Test("A backend that did not get its key leaves no trace")
    func abandoned() {
        var fixture = Fixture { $0.maximumLive = 1 }
        #expect(fixture.reserve("b") == nil)
        #expect(fixture.reserve("c") == .noCapacity)
        fixture.machine.abandon(BackendID(unchecked: "b"))
        #expect(fixture.machine.records.isEmpty && fixture.machine.numbers.isEmpty)
        #expect(fixture.machine.live.isEmpty && fixture.machine.labels.isEmpty)
        #expect(fixture.reserve("b") == nil)
    }

    @Test("A record whose id is used again is not touched by those who knew the one before")
    func reuse() throws {
        var fixture = Fixture { $0.retention = .zero }
        fixture.bring("b", to: .ready)
        guard case .ready(let route, _) = fixture.machine.open("token-b", at: fixture.now) else {
            Issue.record("Expected an open route")
            return
        }
        _ = fixture.take(.event(.exited(code: 0)), "b")
        _ = fixture.take(.finish, "b")
        fixture.bring("b", to: .ready)
        guard case .ready(let next, _) = fixture.machine.open("token-b", at: fixture.now) else {
            Issue.record("Expected another open route")
            return
        }
        #expect(next.number != route.number)
        #expect(!fixture.machine.isServing(route) && fixture.machine.isServing(next))
        fixture.machine.closed(route, at: fixture.now)
        #expect(fixture.machine[BackendID(unchecked: "b")]?.activity.openConnections == 1)
    }

    @Test("Names below the cluster's are of live backends alone")
    func labels() {
        var fixture = Fixture()
        fixture.bring("b", to: .ready)
        fixture.bring("c", to: .ready)
        let (b, c) = (BackendID(unchecked: "b"), BackendID(unchecked: "c"))
        #expect(fixture.machine.isNameOfOther(than: b, "c") && !fixture.machine.isNameOfOther(than: c, "c"))
        #expect(!fixture.machine.isNameOfOther(than: b, "nobody"))
        _ = fixture.take(.event(.exited(code: 0)), "c")
        #expect(fixture.machine.isNameOfOther(than: b, "c"))
        _ = fixture.take(.finish, "c")
        #expect(!fixture.machine.isNameOfOther(than: b, "c"))
    }
}

extension BackendEffect.Action {
    /// In a few words.
    fileprivate var name: String {
        switch self {
        case .prepare: "prepare"
        case .launch: "launch"
        case .poll: "poll"
        case .stopPolling: "stopPolling"
        case .signal(let kind): "signal \(kind.rawValue)"
        case .release(let grant): "release \(grant.map { "\($0.fencingToken)" } ?? "nothing")"
        case .save(let stored): "save \(stored.states.last?.status ?? "")"
        case .take: "take"
        case .forget: "forget"
        case .tell(let state, _): "tell \(state.status.rawValue)"
        case .finish: "finish"
        case .answer(let waiters, let address): "answer \(waiters.count) \(address == nil ? "nothing" : "address")"
        case .call(let bodies): "call \(bodies.count)"
        case .closeLater(let bodies): "closeLater \(bodies.count)"
        case .wake(let wakes): "wake \(wakes.count)"
        case .logSpawn: "logSpawn"
        case .logEnd: "logEnd"
        }
    }
}
