package import Logging
package import NIOCore
internal import NIOPosix
package import ParleyBackends
package import ParleyHub
package import ParleyModel
package import ParleyTransport
internal import Synchronization

/// The session backends of this process: what runs them, watches them and leads to them.
package final class BackendsHost: Sendable {
    package let services: BackendsServices
    private let processes: ProcessRuntime
    private let containers: ContainerRuntime?
    private let mountBase: String?
    /// Held from start to end.
    private let mountLock = Mutex<DirectoryLock?>(nil)
    /// Output and timers have a loop of their own: a backend that floods its output is not to slow connections down.
    private let group: MultiThreadedEventLoopGroup
    private let timers = Mutex<[RepeatedTask]>([])
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    private static let sweepInterval = TimeAmount.milliseconds(200)
    private static let purgeInterval = TimeAmount.minutes(3)

    package init(
        _ configuration: BackendsConfiguration,
        catalogue: BackendCatalogue,
        eventLoops: [any EventLoop],
        isSecure: Bool,
        hasOwnProxyPort: Bool,
        keepAlive: KeepAlive?,
        state: ServerState,
        ledger: MemoryLedger,
        wallTime: @escaping @Sendable () -> WallTime,
        logger: Logger
    ) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.group = group
        self.processes = ProcessRuntime(configuration.processes, group: group, logger: logger)
        self.containers = configuration.containers.map { ContainerRuntime($0, logger: logger) }
        var random: any RandomNumberGenerator = SystemRandomNumberGenerator()
        let node = "dr-" + RandomIdentifier.base36(length: 14, using: &random)
        var settings = configuration.supervisor
        settings.cluster = configuration.cluster ?? "localhost"
        settings.pathPrefix = hasOwnProxyPort || configuration.cluster != nil ? "" : BackendsServices.sharedPrefix
        self.mountBase = configuration.processes.mountBase ?? configuration.containers?.mountBase
        let poller = ReadinessPoller(group: group)
        let supervisor = BackendSupervisor(
            settings,
            runtime: RuntimeSelection(processes: self.processes, containers: self.containers),
            coordination: configuration.coordination ?? .alone(wallTime: wallTime),
            node: node,
            poll: { try await poller.poll($0) },
            store: configuration.store,
            wallTime: wallTime,
            logger: logger
        )
        self.services = BackendsServices(
            configuration,
            catalogue: catalogue,
            supervisor: supervisor,
            node: node,
            isSecure: isSecure,
            state: state,
            ledger: ledger,
            wallTime: wallTime,
            logger: logger
        )
        self.pools = ProxyEndpoint.makePools(eventLoops, keepAlive: keepAlive, ledger: ledger)
    }

    /// - Parameter prefix: What stands before tokens.
    package func proxy(under prefix: String) -> ProxyEndpoint {
        ProxyEndpoint(self.services, prefix: prefix, pools: self.pools)
    }

    /// Ends what earlier lives have left, takes over what is known of them, and lists this node as one that takes backends.
    /// - Throws: ``StoreError``.
    package func start() async throws {
        if let base = self.mountBase {
            // At once, so that whoever cannot have it hears so now, and not with the first backend.
            do throws(SystemFailure) {
                try Directory.make(base)
            } catch {
                throw StoreError(.unavailable, "The directory \(base) (BACKENDS_MOUNT_BASE) cannot be made: \(error)")
            }
            let lock = try DirectoryLock(directory: base, for: .mounts)
            self.mountLock.withLock { $0 = lock }
        }
        let orphans = self.processes.orphans + (await self.containers?.removeOrphans() ?? [])
        let supervisor = self.services.supervisor
        try await supervisor.restore(orphans: orphans)
        try await supervisor.enter()
        let loop = self.group.next()
        let timers = [
            loop.scheduleRepeatedTask(initialDelay: Self.sweepInterval, delay: Self.sweepInterval) { _ in
                supervisor.sweep()
            },
            loop.scheduleRepeatedTask(initialDelay: Self.purgeInterval, delay: Self.purgeInterval) { _ in
                supervisor.purge()
            },
        ]
        self.timers.withLock { $0 = timers }
    }

    package var liveCount: Int { self.services.supervisor.liveCount }

    /// Ends every backend, softly first, and returns when all are gone.
    package func shutDown() async {
        await self.services.supervisor.shutDown()
        await self.containers?.close()
        for timer in self.timers.withLock({ $0 }) { timer.cancel() }
        self.processes.close()
        self.mountLock.withLock { $0.take() }?.release()
        try? await self.group.shutdownGracefully()
    }
}
