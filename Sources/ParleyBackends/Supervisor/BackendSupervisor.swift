public import Logging
public import NIOCore
public import ParleyHub
public import ParleyModel
internal import Synchronization

/// Starts backends, watches over them, ends them, and knows who may reach them. At most one live backend per key.
///
/// Safe to use from anywhere. What is to happen is decided by a ``SupervisorMachine``, under one lock, which is held for nothing
/// else; it is done outside of it, so that nobody who looks for a route waits for a process, a store or a log. What is decided for
/// one backend is done in the order of the decisions, see ``EffectQueues``.
public final class BackendSupervisor: Sendable {
    struct State: Sendable {
        var machine: SupervisorMachine
        var effects = EffectQueues<BackendID, BackendEffect.Action>()
        var polling: [BackendID: Task<Void, Never>] = [:]
    }

    public let configuration: SupervisorConfiguration
    let runtime: any BackendRuntime
    let coordination: BackendCoordination
    /// By which the others know this one.
    let node: String
    /// Returns when the backend at the address has answered HTTP; throws when it cannot be asked at all.
    let poll: @Sendable (SocketAddress) async throws -> Void
    let uptime: @Sendable () -> NIODeadline
    let wallTime: @Sendable () -> WallTime
    let logger: Logger
    let recorder: BackendRecorder?
    let state: Mutex<State>
    private let random = Mutex(PooledRandom())

    /// - Parameters:
    ///   - node: The name of this node, which no other has.
    ///   - store: Where backends are known beyond this life; see ``restore(orphans:)``.
    public init(
        _ configuration: SupervisorConfiguration,
        runtime: any BackendRuntime,
        coordination: BackendCoordination,
        node: String,
        poll: @escaping @Sendable (SocketAddress) async throws -> Void,
        store: (any BackendStore)? = nil,
        uptime: @escaping @Sendable () -> NIODeadline = { .now() },
        wallTime: @escaping @Sendable () -> WallTime,
        logger: Logger
    ) {
        self.configuration = configuration
        self.runtime = runtime
        self.coordination = coordination
        self.node = node
        self.poll = poll
        self.uptime = uptime
        self.wallTime = wallTime
        self.logger = logger
        self.recorder = store.map { BackendRecorder($0, logger: logger) }
        let machine = SupervisorMachine(
            configuration,
            lease: coordination.lease,
            nodeLease: coordination.nodeLease,
            isRecording: store != nil
        )
        self.state = Mutex(State(machine: machine))
    }

    var moment: BackendLifecycle.Moment { .init(uptime: self.uptime(), wall: self.wallTime()) }

    // MARK: Deciding

    /// Asks or changes what is decided, where nothing has to be done for it.
    func withMachine<Result: Sendable>(_ body: (inout SupervisorMachine) -> Result) -> Result {
        self.state.withLock { body(&$0.machine) }
    }

    /// Decides, and does what has been decided.
    func act(_ body: (inout SupervisorMachine) -> [BackendEffect]) {
        self.decide { machine -> ((), [BackendEffect]) in ((), body(&machine)) }
    }

    /// As ``act(_:)``, with something for the caller besides.
    func decide<Result: Sendable>(_ body: (inout SupervisorMachine) -> (Result, [BackendEffect])) -> Result {
        let (result, idle) = self.state.withLock { state in
            let (result, effects) = body(&state.machine)
            // Those for which nobody does anything at present.
            let idle = effects.compactMap { state.effects.append($0.action, for: $0.backend) ? $0.backend : nil }
            return (result, idle)
        }
        for id in idle { self.perform(effectsOf: id) }
        return result
    }

    private func perform(effectsOf id: BackendID) {
        while let action = self.state.withLock({ $0.effects.next(of: id) }) { self.perform(action, for: id) }
    }

    func makeSecrets() -> TokenSecrets {
        self.random.withLock { random in
            TokenSecrets(token: GatewayToken.make(using: &random), secret: GatewayToken.make(using: &random))
        }
    }

    static func randomName() -> String {
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        return RandomIdentifier.base36(length: 14, using: &random)
    }
}
