public import NIOCore
public import ParleyModel

/// Everything a runtime needs to know to bring up one backend.
public struct LaunchOrder: Sendable {
    public let backend: BackendID
    public var program: BackendService.Program
    public var workingDirectory: String?
    /// All of it, reserved names included, except what only the runtime knows: `PORT` and the mount's path.
    public var environment: [String: String]
    public var limits: ResourceLimits
    /// When an image is fetched.
    public var pullPolicy = PullPolicy.ifNotPresent
    /// Below the base for mounts; checked.
    public var mount: String?

    public init(
        backend: BackendID,
        program: BackendService.Program,
        workingDirectory: String? = nil,
        environment: [String: String] = [:],
        limits: ResourceLimits = ResourceLimits(),
        mount: String? = nil
    ) {
        self.backend = backend
        self.program = program
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.limits = limits
        self.mount = mount
    }
}

/// When the image of a container is fetched.
public enum PullPolicy: String, Sendable, Hashable, CaseIterable {
    case always = "Always"
    case ifNotPresent = "IfNotPresent"
    case never = "Never"
}

/// Why a backend could not be prepared or launched; for the log and the backend's own output, never for the API.
public struct LaunchFailure: SpokenError, Sendable {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// What a backend uses at present.
public struct ResourceUse: Sendable, Hashable {
    /// Bytes of memory resident.
    public var memoryUsed: Int
    /// Bytes that its limit, or the machine, leaves.
    public var memoryAvailable: Int
    /// Processor time since its start, in nanoseconds.
    public var processorTime: Int
    /// That of all the machine's processors since it started, idle time included, in nanoseconds.
    public var machineProcessorTime: Int

    public init(memoryUsed: Int, memoryAvailable: Int, processorTime: Int, machineProcessorTime: Int) {
        self.memoryUsed = memoryUsed
        self.memoryAvailable = memoryAvailable
        self.processorTime = processorTime
        self.machineProcessorTime = machineProcessorTime
    }
}

/// Runs backends. Four calls; what happens is told to the ``BackendRuntimeEvents`` of the launch.
public protocol BackendRuntime: Sendable {
    /// Makes ready what a launch needs: an image, a directory.
    func prepare(_ order: LaunchOrder) async throws(LaunchFailure)
    /// Starts the backend.
    /// - Returns: Where it will listen.
    func launch(_ order: LaunchOrder, events: BackendRuntimeEvents) async throws(LaunchFailure) -> SocketAddress
    /// Asks it to end, or kills it; does not wait until it has ended. Nothing happens when it runs no more.
    ///
    /// Called under no lock, and for one backend one call after another: it may take its time.
    func terminate(_ backend: BackendID, _ kind: TerminationKind)
    /// `nil` when it does not run, or is nothing that can be measured.
    func use(of backend: BackendID) async -> ResourceUse?
}

/// What a runtime reports of a backend it has launched.
public struct BackendRuntimeEvents: Sendable {
    /// Lines of its output, without line ends.
    public let output: @Sendable ([String]) -> Void
    /// It is gone, with all its processes; called once.
    public let exited: @Sendable (_ code: Int?) -> Void

    public init(output: @escaping @Sendable ([String]) -> Void, exited: @escaping @Sendable (_ code: Int?) -> Void) {
        self.output = output
        self.exited = exited
    }
}
