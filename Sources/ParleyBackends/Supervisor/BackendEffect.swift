internal import NIOCore
internal import ParleyHub

/// What is to be done for a backend, once it is decided. Those of one backend are done one after another, and never under a lock:
/// each may take its time, and may come back with another command.
struct BackendEffect: Sendable {
    enum Action: Sendable {
        /// Make ready what a launch needs, and report it.
        case prepare(LaunchOrder)
        case launch(LaunchOrder)
        /// Ask the port until it answers.
        case poll(SocketAddress)
        case stopPolling
        case signal(TerminationKind)
        /// Let go of its key, then ``SupervisorMachine/finish(_:at:)``.
        case release(KeyGrant?)
        /// Keep what is known of it beyond this life.
        case save(StoredBackend)
        /// Once that is kept, it is the runtime's.
        case take
        case forget
        case tell(BackendState, [AsyncStream<BackendState>.Continuation])
        case finish([AsyncStream<BackendState>.Continuation], [OutputFeed])
        /// The answer to requests that are held.
        case answer([@Sendable (SocketAddress?) -> Void], SocketAddress?)
        case call([@Sendable () -> Void])
        /// Close connections that a process on its end has not closed itself.
        case closeLater([@Sendable () -> Void])
        case wake([CheckedContinuation<Void, Never>])
        case logSpawn(ServiceName?)
        case logEnd(BackendState)
    }

    let backend: BackendID
    let action: Action
}

extension [BackendEffect] {
    /// Adds what is to be done, unless it concerns nobody.
    mutating func add(_ action: BackendEffect.Action, for backend: BackendID) {
        if !action.isIdle { self.append(BackendEffect(backend: backend, action: action)) }
    }
}

extension BackendEffect.Action {
    fileprivate var isIdle: Bool {
        switch self {
        case .tell(_, let feeds): feeds.isEmpty
        case .finish(let states, let lines): states.isEmpty && lines.isEmpty
        case .answer(let waiters, _): waiters.isEmpty
        case .call(let bodies), .closeLater(let bodies): bodies.isEmpty
        case .wake(let wakes): wakes.isEmpty
        default: false
        }
    }
}
