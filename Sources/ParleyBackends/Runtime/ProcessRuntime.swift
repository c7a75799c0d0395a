internal import Foundation
public import Logging
public import NIOCore
internal import NIOPosix
internal import ParleyModel
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// Runs backends as processes of this machine, each in a group of its own and on a port of its own.
public final class ProcessRuntime: BackendRuntime {
    public struct Configuration: Sendable {
        /// Where mounts are; `nil`: there are none.
        public var mountBase: String?
        /// `nil`: any port that is free.
        public var portRange: ClosedRange<Int>?
        /// Where the processes of this life are written down; `nil`: nowhere, and a server that is killed leaves them.
        public var journalDirectory: String?
        /// What processes inherit of the server's environment, besides what their service says.
        public var environment: [String: String]
        /// How many files a process may open, which may raise that as far as the hard limit goes; `nil`: as many as the server.
        public var openFiles: Int?

        public init(
            mountBase: String? = nil,
            portRange: ClosedRange<Int>? = nil,
            journalDirectory: String? = nil,
            environment: [String: String] = [:]
        ) {
            self.mountBase = mountBase
            self.portRange = portRange
            self.journalDirectory = journalDirectory
            self.environment = environment
        }

        /// The names of the server's environment that processes inherit.
        public static let inheritedNames = ["PATH", "HOME", "LANG", "TZ", "TMPDIR"]
    }

    /// A process that runs.
    private struct Running: Sendable {
        let leader: ProcessTable.Identity
        let port: Int
        let limits: ResourceLimits
        let controlGroup: ControlGroup?
        /// The watchdog has killed it.
        var exceededMemory = false
        /// How it was asked to end.
        var stop: TerminationKind?
    }

    private let configuration: Configuration
    private let group: any EventLoopGroup
    private let ports: PortPool
    private let journal: LifeJournal?
    private let controlGroups: ControlGroups?
    private let logger: Logger
    private let running = Mutex<[BackendID: Running]>([:])
    /// Whether the log has been told that backends cannot be written down.
    private let journalTrouble = Mutex(false)
    private let reaping: RepeatedTask

    private static let reapInterval = TimeAmount.milliseconds(200)
    /// Children inherit what the process has set for the one that is being started.
    private static let turnstile = Turnstile()

    /// Backends of an earlier life whose processes were ended at start.
    public let orphans: [BackendID]

    /// - Parameter group: Where output is read.
    public init(_ configuration: Configuration, group: any EventLoopGroup, logger: Logger) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
        self.ports = PortPool(range: configuration.portRange)
        self.journal = configuration.journalDirectory.map { LifeJournal(directory: $0) }
        self.orphans = self.journal?.orphans ?? []
        self.controlGroups = ControlGroups.detect()
        for orphan in self.orphans { self.controlGroups?.remove(orphan) }
        let orphans = Orphans.shared
        self.reaping = group.next().scheduleRepeatedTask(initialDelay: Self.reapInterval, delay: Self.reapInterval) {
            _ in
            orphans.reap()
        }
    }

    /// All processes are gone, and no more will come. Before the group of event loops ends.
    public func close() {
        self.reaping.cancel()
        self.journal?.close()
    }

    // MARK: Preparing

    public func prepare(_ order: LaunchOrder) async throws(LaunchFailure) {
        guard case .command(let command) = order.program, let name = command.first else {
            throw LaunchFailure("Expected a command")
        }
        if let directory = order.workingDirectory {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue
            else { throw LaunchFailure("Its working directory (cwd) is not there: \(directory)") }
        }
        guard self.executable(name, order) != nil else {
            throw LaunchFailure("Its command is not there, or is not executable: \(name)")
        }
        if let mount = try self.mountDirectory(order) {
            do throws(SystemFailure) {
                try Directory.make(mount)
            } catch {
                throw LaunchFailure("Its directory cannot be made below BACKENDS_MOUNT_BASE: \(error)")
            }
        }
        self.warnOfLimits(order)
    }

    private func executable(_ name: String, _ order: LaunchOrder) -> String? {
        let candidates: [String]
        if name.hasPrefix("/") {
            candidates = [name]
        } else if name.contains("/") {
            let directory = order.workingDirectory ?? FileManager.default.currentDirectoryPath
            candidates = [directory + "/" + name]
        } else {
            let path = order.environment["PATH"] ?? self.configuration.environment["PATH"] ?? "/usr/bin:/bin"
            candidates = path.split(separator: ":").map { "\($0)/\(name)" }
        }
        return candidates.first { path in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
                && access(path, X_OK) == 0
        }
    }

    private func mountDirectory(_ order: LaunchOrder) throws(LaunchFailure) -> String? {
        guard let mount = order.mount else { return nil }
        guard let base = self.configuration.mountBase else {
            self.logger.warning(
                "A backend asks for a mount, and BACKENDS_MOUNT_BASE is not set: it gets none",
                metadata: ["backend": "\(order.backend)"]
            )
            return nil
        }
        return base + "/" + mount
    }

    private func warnOfLimits(_ order: LaunchOrder) {
        var ignored: [String] = []
        if order.limits.diskLimitBytes != nil { ignored.append("disk_limit_bytes") }
        if order.limits.cpuPeriodPercent != nil, self.controlGroups?.limitsProcessor != true {
            ignored.append("cpu_period_percent")
        }
        guard !ignored.isEmpty else { return }
        self.logger.warning(
            "Limits of a backend that cannot be kept on this machine",
            metadata: ["backend": "\(order.backend)", "limits": "\(ignored.joined(separator: ", "))"]
        )
    }

    // MARK: Launching

    public func launch(
        _ order: LaunchOrder,
        events: BackendRuntimeEvents
    ) async throws(LaunchFailure) -> SocketAddress {
        let port = try self.ports.take(now: .now())
        // Found by its id should the server be killed before the number is known.
        self.writeDown(order.backend, ProcessTable.Identity(pid: 0, startTime: 0))
        do {
            let (leader, controlGroup, ended) = try await self.start(order, port: port, output: events.output)
            let running = Running(
                leader: leader,
                port: port,
                limits: order.limits,
                controlGroup: controlGroup,
            )
            self.running.withLock { $0[order.backend] = running }
            self.writeDown(order.backend, leader)
            if order.limits.memoryLimitBytes != nil, controlGroup?.limitsMemory != true { self.watchMemory(order) }
            Task { await self.awaitEnd(order.backend, ended, events) }
            return try SocketAddress(ipAddress: "127.0.0.1", port: port)
        } catch let failure as LaunchFailure {
            self.ports.giveBack(port, now: .now())
            self.journal?.ended(order.backend)
            throw failure
        } catch {
            self.ports.giveBack(port, now: .now())
            self.journal?.ended(order.backend)
            // The error's own words may have the environment in them, and what is secret there.
            throw LaunchFailure("It could not be started: \(Self.reason(of: error))")
        }
    }

    /// Of a start that failed, in the system's words alone.
    private static func reason(of error: any Error) -> String {
        guard let error = error as? SubprocessError else { return ErrorText.of(error) }
        if let reason = error.underlyingError { return "\(SystemFailure(code: reason.rawValue))" }
        return "the system does not start its command"
    }

    private func writeDown(_ backend: BackendID, _ leader: ProcessTable.Identity) {
        do {
            try self.journal?.began(backend, leader)
            self.journalTrouble.withLock { $0 = false }
        } catch {
            // It is the same for every backend until somebody has put it right.
            let isNew = self.journalTrouble.withLock { isTold in
                defer { isTold = true }
                return !isTold
            }
            guard isNew else { return }
            self.logger.error(
                "A backend cannot be written down below BACKENDS_STATE_DIR: it is left over should the server be killed",
                metadata: ["backend": "\(backend)", "error": "\(ErrorText.of(error))"]
            )
        }
    }

    private struct Ended: Sendable {
        let status: Task<TerminationStatus?, Never>
        let output: EventLoopFuture<Void>
        let pipe: any Channel
    }

    private func start(
        _ order: LaunchOrder,
        port: Int,
        output: @escaping @Sendable ([String]) -> Void
    ) async throws -> (ProcessTable.Identity, ControlGroup?, Ended) {
        guard case .command(let command) = order.program, let name = command.first,
            let executable = self.executable(name, order)
        else { throw LaunchFailure("Expected a command") }
        let controlGroup = self.controlGroups?.make(for: order.backend, order.limits)
        let launcher = Launcher(
            executable: executable,
            arguments: Array(command.dropFirst()),
            limits: order.limits,
            controlGroup: controlGroup,
            openFiles: self.configuration.openFiles
        )
        var options = PlatformOptions()
        options.processGroupID = 0
        let configuration = Subprocess.Configuration(
            executable: .path(FilePath(launcher.executable)),
            arguments: Arguments(launcher.arguments),
            environment: .custom(
                Dictionary(
                    uniqueKeysWithValues: try self.environment(order, port: port).map { (.init(stringLiteral: $0), $1) }
                )
            ),
            workingDirectory: order.workingDirectory.map { FilePath($0) },
            platformOptions: options
        )
        let (readEnd, writeEnd) = try Self.makePipe()
        let ended = self.group.next().makePromise(of: Void.self)
        let pipe: any Channel
        do {
            pipe = try await NIOPipeBootstrap(group: ended.futureResult.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(OutputReader(output: output, ended: ended))
                    }
                }
                .takingOwnershipOfDescriptor(input: readEnd.rawValue).get()
        } catch {
            ended.fail(error)
            try? readEnd.close()
            try? writeEnd.close()
            throw error
        }
        await Self.turnstile.enter()
        Orphans.shared.beginLaunch()
        let mark = ProcessMark(order.backend).put()
        let (started, start) = AsyncStream.makeStream(of: Result<pid_t, any Error>.self)
        let status = Task { () -> TerminationStatus? in
            do {
                let result = try await run(
                    configuration,
                    input: .none,
                    output: .fileDescriptor(writeEnd, closeAfterSpawningProcess: true),
                    error: .combinedWithOutput
                ) { execution in
                    start.yield(.success(execution.processIdentifier.value))
                }
                return result.terminationStatus
            } catch {
                start.yield(.failure(error))
                return nil
            }
        }
        let outcome = await started.first { _ in true }
        mark?.restore()
        Orphans.shared.endLaunch(try? outcome?.get())
        Self.turnstile.leave()
        let pid: pid_t
        do {
            guard let outcome else { throw LaunchFailure("It was never started") }
            pid = try outcome.get()
        } catch {
            pipe.close(promise: nil)
            controlGroup?.remove()
            throw error
        }
        // One that has ended already is known by its number alone.
        let leader = ProcessTable.entry(pid)?.identity ?? ProcessTable.Identity(pid: pid, startTime: 0)
        return (leader, controlGroup, Ended(status: status, output: ended.futureResult, pipe: pipe))
    }

    private static func makePipe() throws -> (SystemPackage.FileDescriptor, SystemPackage.FileDescriptor) {
        let (readEnd, writeEnd) = try SystemPackage.FileDescriptor.pipe()
        for end in [readEnd, writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
        return (readEnd, writeEnd)
    }

    /// Reserved names win over what the request says, and that over the service's.
    private func environment(_ order: LaunchOrder, port: Int) throws(LaunchFailure) -> [String: String] {
        var environment = self.configuration.environment.merging(order.environment) { $1 }
        environment["PORT"] = "\(port)"
        if let mount = try self.mountDirectory(order) { environment["SESSION_BACKEND_DATA_DIR"] = mount }
        return environment
    }

    // MARK: Ending

    private func awaitEnd(_ backend: BackendID, _ ended: Ended, _ events: BackendRuntimeEvents) async {
        let status = await ended.status.value
        let leader = self.running.withLock { $0[backend]?.leader.pid }
        if let leader {
            Orphans.shared.ended(leader)
            await self.awaitGroup(leader, of: backend)
        }
        // The first process is gone; whatever it has started is ended with it.
        await Self.aside { ProcessGroup.endMembers(of: backend) }
        Orphans.shared.reap()
        let timeout = ended.pipe.eventLoop.scheduleTask(in: .seconds(1)) { ended.pipe.close(promise: nil) }
        try? await ended.output.get()
        timeout.cancel()
        let last = self.running.withLock { $0.removeValue(forKey: backend) }
        await Self.aside {
            last?.controlGroup?.end()
            last?.controlGroup?.remove()
        }
        if let last { self.ports.giveBack(last.port, now: .now()) }
        self.journal?.ended(backend)
        events.exited(last?.exceededMemory == true ? 128 + Int(SIGKILL) : status?.exitCode)
    }

    /// A shell ends at once when it is asked to, and leaves those that it has started: they have been asked, too, and have
    /// the same time for it.
    private func awaitGroup(_ leader: Int32, of backend: BackendID) async {
        while self.running.withLock({ $0[backend]?.stop == .soft }), ProcessGroup.exists(leader) {
            Orphans.shared.reap()
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
        }
    }

    public func terminate(_ backend: BackendID, _ kind: TerminationKind) {
        let process = self.running.withLock { running in
            if running[backend]?.stop != .hard { running[backend]?.stop = kind }
            return running[backend]
        }
        guard let process else { return }
        // One that was waited for already may have lent its number to somebody else.
        if ProcessTable.entry(process.leader.pid)?.identity == process.leader {
            ProcessGroup.signal(process.leader.pid, kind)
        }
        guard kind == .hard else { return }
        Task { await Self.aside { ProcessGroup.endMembers(of: backend) } }
    }

    /// Reading the whole process table, and waiting for those that are killed, takes longer than a thread of tasks has.
    @discardableResult
    private static func aside<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
        try? await NIOThreadPool.singleton.runIfActive(body)
    }

    // MARK: Limits

    /// Where the kernel cannot be asked to: looks every second, and kills.
    private func watchMemory(_ order: LaunchOrder) {
        guard let limit = order.limits.memoryLimitBytes else { return }
        Task {
            while self.running.withLock({ $0[order.backend] != nil }) {
                if await Self.residentSize(order.backend) > limit {
                    self.running.withLock { $0[order.backend]?.exceededMemory = true }
                    self.logger.warning(
                        "A backend exceeds its memory_limit_bytes and is killed",
                        metadata: ["backend": "\(order.backend)", "limit": "\(limit)"]
                    )
                    self.terminate(order.backend, .hard)
                    return
                }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private static func residentSize(_ backend: BackendID) async -> Int {
        await Self.aside { ProcessTable.members(of: backend).reduce(0) { $0 + $1.residentSize } } ?? 0
    }

    public func use(of backend: BackendID) async -> ResourceUse? {
        guard let process = self.running.withLock({ $0[backend] }) else { return nil }
        let members = await Self.aside { ProcessTable.members(of: backend) } ?? []
        let used = members.reduce(0) { $0 + $1.residentSize }
        let total = process.limits.memoryLimitBytes ?? Int(ProcessInfo.processInfo.physicalMemory)
        return ResourceUse(
            memoryUsed: used,
            memoryAvailable: max(0, total - used),
            processorTime: members.reduce(0) { $0 + $1.processorTime },
            machineProcessorTime: ProcessTable.machineProcessorTime
        )
    }
}

extension TerminationStatus {
    /// 128 + n for signal n, as shells have it.
    fileprivate var exitCode: Int {
        switch self {
        case .exited(let code): Int(code)
        case .signaled(let signal): 128 + Int(signal)
        }
    }
}

/// How a command is started: by itself, or by a shell that first takes limits upon itself, which its command inherits.
private struct Launcher {
    let executable: String
    let arguments: [String]

    init(
        executable: String,
        arguments: [String],
        limits: ResourceLimits,
        controlGroup: ControlGroup?,
        openFiles: Int?
    ) {
        var script = controlGroup?.joinScript ?? ""
        // One that cannot be had is no reason not to run.
        if let openFiles { script += "ulimit -S -n \(openFiles) 2>/dev/null; " }
        if let seconds = limits.cpuTimeLimit { script += "ulimit -t \(max(1, seconds)) || exit 125; " }
        guard !script.isEmpty else {
            self.executable = executable
            self.arguments = arguments
            return
        }
        self.executable = "/bin/sh"
        self.arguments = ["-c", script + "exec \"$@\"", "sh", executable] + arguments
    }
}
