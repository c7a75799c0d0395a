import Logging
import NIOCore
import ParleyBackends
import ParleyHub
import ParleyModel
import Synchronization

/// A clock that stands still until it is told to go on.
final class ManualClock: Sendable {
    private let seconds = Mutex<Int64>(1000)
    var now: NIODeadline { .zero + .seconds(self.seconds.withLock { $0 }) }
    func advance(_ seconds: Int64) { self.seconds.withLock { $0 += seconds } }
}

/// A supervisor over a scripted runtime and a clock that the test advances.
struct SupervisorFixture {
    let clock = ManualClock()
    let runtime: ScriptedRuntime
    let supervisor: BackendSupervisor

    init(
        _ runtime: ScriptedRuntime = ScriptedRuntime(),
        isReady: Bool = true,
        store: (any BackendStore)? = nil,
        wall: WallTime = WallTime(milliseconds: 1),
        lease: LeaseTimes = LeaseTimes(),
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        configure: (inout SupervisorConfiguration) -> Void = { _ in },
        coordinate: (inout BackendCoordination) -> Void = { _ in }
    ) {
        var configuration = SupervisorConfiguration()
        configuration.cluster = "test"
        configure(&configuration)
        let clock = self.clock
        var coordination = BackendCoordination.alone(uptime: { clock.now }, wallTime: { wall })
        coordination.lease = lease
        coordinate(&coordination)
        self.runtime = runtime
        self.supervisor = BackendSupervisor(
            configuration,
            runtime: runtime,
            coordination: coordination,
            node: "dr-1",
            poll: { _ in if !isReady { try await Task.sleep(for: .seconds(3600)) } },
            store: store,
            uptime: { clock.now },
            wallTime: { wall },
            logger: logger
        )
    }

    func connect(
        _ key: String? = nil,
        _ change: (inout ConnectOrder) -> Void = { _ in }
    ) async throws -> ConnectResult {
        var order = ConnectOrder(
            key: key.map { BackendKey(scope: "a/s", name: $0) },
            spawn: SpawnOrder(.command(["program"]))
        )
        change(&order)
        try await self.supervisor.enter()
        return try await self.supervisor.connect(order)
    }

    /// Waits until a backend comes to a status, and returns the states so far.
    @discardableResult
    func states(of id: BackendID, until status: BackendStatus) async throws -> [BackendState] {
        var states: [BackendState] = []
        for await state in try self.supervisor.states(of: id) {
            states.append(state)
            if state.status == status { break }
        }
        return states
    }
}
