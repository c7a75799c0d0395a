public import NIOCore

/// Gives each backend to the runtime that its program asks for.
public struct RuntimeSelection: BackendRuntime {
    private let processes: any BackendRuntime
    private let containers: (any BackendRuntime)?
    private let external: any BackendRuntime

    /// - Parameter containers: `nil`: images cannot be run.
    public init(
        processes: any BackendRuntime,
        containers: (any BackendRuntime)? = nil,
        external: any BackendRuntime = ExternalRuntime()
    ) {
        self.processes = processes
        self.containers = containers
        self.external = external
    }

    private func runtime(for order: LaunchOrder) throws(LaunchFailure) -> any BackendRuntime {
        switch order.program {
        case .command: return self.processes
        case .external: return self.external
        case .image:
            guard let containers = self.containers else {
                throw LaunchFailure("Images cannot be run: BACKENDS_DOCKER_SOCKET names no container engine")
            }
            return containers
        }
    }

    public func prepare(_ order: LaunchOrder) async throws(LaunchFailure) {
        try await self.runtime(for: order).prepare(order)
    }

    public func launch(
        _ order: LaunchOrder,
        events: BackendRuntimeEvents
    ) async throws(LaunchFailure) -> SocketAddress {
        try await self.runtime(for: order).launch(order, events: events)
    }

    /// Only one of them knows the backend.
    public func terminate(_ backend: BackendID, _ kind: TerminationKind) {
        for runtime in [self.processes, self.containers, self.external] { runtime?.terminate(backend, kind) }
    }

    public func use(of backend: BackendID) async -> ResourceUse? {
        for runtime in [self.processes, self.containers, self.external] {
            if let use = await runtime?.use(of: backend) { return use }
        }
        return nil
    }
}
