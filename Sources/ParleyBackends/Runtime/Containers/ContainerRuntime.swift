internal import AsyncHTTPClient
internal import Foundation
public import Logging
public import NIOCore
internal import NIOHTTP1
internal import ParleyModel
internal import Synchronization

/// Runs backends as containers, by the Docker Engine API. `PORT` is 8080 in all of them; outside it is another for each.
public final class ContainerRuntime: BackendRuntime {
    public struct Configuration: Sendable {
        /// The path of the engine's socket.
        public var socket: String
        /// Where mounts are; containers see them under `/plane-data`.
        public var mountBase: String?

        public init(socket: String, mountBase: String? = nil) {
            self.socket = socket
            self.mountBase = mountBase
        }
    }

    private static let port = "8080/tcp"
    private static let mountPoint = "/plane-data"
    /// On each of our containers: the server's process, by number and start time.
    private static let label = "parley.server"
    private static let pullTimeout = TimeAmount.minutes(15)

    private let configuration: Configuration
    private let engine: DockerEngine
    private let logger: Logger
    private let owner: String
    private let running = Mutex<Set<BackendID>>([])
    /// Whether the engine has a program that is process 1 of a container, waits for orphans and passes signals on.
    private let hasInit = Atomic(true)

    public init(_ configuration: Configuration, logger: Logger) {
        self.configuration = configuration
        self.engine = DockerEngine(socket: configuration.socket)
        self.logger = logger
        let identity = ProcessTable.entry(getpid())?.identity
        self.owner = "\(getpid()).\(identity?.startTime ?? 0)"
    }

    public func close() async { await self.engine.close() }

    private static func name(_ backend: BackendID) -> String { "parley-\(backend)" }
    private static func path(_ backend: BackendID) -> String { "/containers/\(Self.name(backend))" }

    // MARK: Earlier lives

    private struct Listed: Decodable {
        let Id: String
        let Labels: [String: String]?
        let Names: [String]?
    }

    /// Removes containers of servers that are gone.
    /// - Returns: Their backends.
    public func removeOrphans() async -> [BackendID] {
        do {
            let filters = "{\"label\":[\"\(Self.label)\"]}"
            let bytes = try await self.engine.send(.GET, "/containers/json", [("all", "true"), ("filters", filters)])
            var orphans: [BackendID] = []
            for container in try self.engine.decode([Listed].self, bytes) {
                guard let owner = container.Labels?[Self.label], !Self.isAlive(owner) else { continue }
                _ = try await self.engine.send(
                    .DELETE,
                    "/containers/\(container.Id)",
                    [("force", "true"), ("v", "true")]
                )
                let name = container.Names?.first.map { $0.drop { $0 == "/" } } ?? ""
                if name.hasPrefix("parley-"), let id = BackendID(name.dropFirst("parley-".count)) { orphans.append(id) }
            }
            return orphans
        } catch {
            self.logger.error(
                "The container engine of BACKENDS_DOCKER_SOCKET does not answer",
                metadata: ["socket": "\(self.configuration.socket)", "error": "\(ErrorText.of(error))"]
            )
            return []
        }
    }

    private static func isAlive(_ owner: String) -> Bool {
        let parts = owner.split(separator: ".")
        guard parts.count == 2, let pid = Int32(parts[0]), let start = UInt64(parts[1]) else { return false }
        return ProcessTable.entry(pid)?.identity == ProcessTable.Identity(pid: pid, startTime: start)
    }

    // MARK: Preparing

    public func prepare(_ order: LaunchOrder) async throws(LaunchFailure) {
        guard case .image(let image) = order.program else { throw LaunchFailure("Expected an image") }
        do {
            if order.pullPolicy != .always, try await self.hasImage(image) { return }
            guard order.pullPolicy != .never else {
                throw LaunchFailure("The image is not there, and pull_policy is Never: \(image)")
            }
            try await self.pull(image)
        } catch let failure as LaunchFailure {
            throw failure
        } catch {
            throw LaunchFailure("The image cannot be had: \(image): \(ErrorText.of(error))")
        }
        if order.limits.diskLimitBytes != nil {
            self.logger.warning("disk_limit_bytes is not kept", metadata: ["backend": "\(order.backend)"])
        }
    }

    private func hasImage(_ image: String) async throws -> Bool {
        do {
            _ = try await self.engine.send(.GET, "/images/\(image)/json")
            return true
        } catch let failure as DockerEngine.Failure where failure.status == 404 {
            return false
        }
    }

    private struct Progress: Decodable {
        let error: String?
    }

    private func pull(_ image: String) async throws {
        let response = try await self.engine.start(
            .POST,
            "/images/create",
            [("fromImage", Self.reference(image))],
            timeout: Self.pullTimeout
        )
        // A line of JSON for each step; a failure is one of them.
        var pending = ByteBuffer()
        for try await piece in response.body {
            pending.writeImmutableBuffer(piece)
            while let end = pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
                let line = pending.readSlice(length: end - pending.readerIndex)
            {
                pending.moveReaderIndex(forwardBy: 1)
                if let error = try? self.engine.decode(Progress.self, line).error { throw LaunchFailure(error) }
            }
            pending.discardReadBytes()
        }
    }

    /// With a tag: without one the engine would pull all there are.
    private static func reference(_ image: String) -> String {
        let name = image.split(separator: "/").last ?? ""
        return name.contains(":") || name.contains("@") ? image : image + ":latest"
    }

    // MARK: Launching

    private struct Inspected: Decodable {
        struct Settings: Decodable {
            let Ports: [String: [Binding]?]
        }

        struct Binding: Codable {
            let HostIp: String
            let HostPort: String
        }

        let NetworkSettings: Settings
    }

    /// The body of a create; members are named as the engine names them.
    private struct Creation: Encodable, Sendable {
        struct Host: Encodable, Sendable {
            struct Port: Encodable, Sendable {
                let HostIp: String
                let HostPort: String
            }

            struct Limit: Encodable, Sendable {
                let Name: String
                let Soft: Int
                let Hard: Int
            }

            let PortBindings: [String: [Port]]
            let Binds: [String]
            let Memory: Int?
            let CpuPeriod: Int?
            let CpuQuota: Int?
            let Ulimits: [Limit]
            let Init: Bool
        }

        struct Nothing: Encodable, Sendable {}

        let Image: String
        let Env: [String]
        let Labels: [String: String]
        let ExposedPorts: [String: Nothing]
        let HostConfig: Host
    }

    public func launch(
        _ order: LaunchOrder,
        events: BackendRuntimeEvents
    ) async throws(LaunchFailure) -> SocketAddress {
        do {
            do {
                try await self.start(order)
            } catch let failure as DockerEngine.Failure where failure.lacksInit {
                // Of several that hear it at once, one says it, and each does without.
                let isNew = self.hasInit.exchange(false, ordering: .relaxed)
                self.logger.log(
                    level: isNew ? .warning : .debug,
                    "The container engine has no init program: programs in containers are process 1 there, and wait for orphans themselves. podman takes that of the package catatonit, Docker has docker-init.",
                    metadata: ["error": "\(failure)"]
                )
                try await self.start(order)
            }
            let address = try await self.removingOnFailure(order.backend) { try await self.address(of: order.backend) }
            self.running.withLock { _ = $0.insert(order.backend) }
            Task { await self.follow(order.backend, events) }
            return address
        } catch let failure as LaunchFailure {
            throw failure
        } catch {
            throw LaunchFailure("The container could not be started: \(ErrorText.of(error))")
        }
    }

    /// Creates its container and starts it; what could not be started is not left behind.
    private func start(_ order: LaunchOrder) async throws {
        let creation = try self.creation(order)
        let name = Self.name(order.backend)
        _ = try await self.engine.send(.POST, "/containers/create", [("name", name)], body: creation)
        try await self.removingOnFailure(order.backend) {
            _ = try await self.engine.send(.POST, Self.path(order.backend) + "/start")
        }
    }

    private func removingOnFailure<Result: Sendable>(
        _ backend: BackendID,
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch {
            _ = try? await self.engine.send(.DELETE, Self.path(backend), [("force", "true"), ("v", "true")])
            throw error
        }
    }

    private func creation(_ order: LaunchOrder) throws -> Creation {
        guard case .image(let image) = order.program else { throw LaunchFailure("Expected an image") }
        var environment = order.environment
        environment["PORT"] = "8080"
        var binds: [String] = []
        if let mount = order.mount, let base = self.configuration.mountBase {
            let directory = base + "/" + mount
            do throws(SystemFailure) {
                try Directory.make(directory)
            } catch {
                throw LaunchFailure("Its directory cannot be made below BACKENDS_MOUNT_BASE: \(error)")
            }
            binds = ["\(directory):\(Self.mountPoint)"]
            environment["SESSION_BACKEND_DATA_DIR"] = Self.mountPoint
        }
        let limits = order.limits
        let period = limits.cpuPeriod ?? 100_000
        return Creation(
            Image: image,
            Env: environment.map { "\($0.key)=\($0.value)" }.sorted(),
            Labels: [Self.label: self.owner],
            ExposedPorts: [Self.port: Creation.Nothing()],
            HostConfig: Creation.Host(
                // Any port that is free, for this machine alone.
                PortBindings: [Self.port: [Creation.Host.Port(HostIp: "127.0.0.1", HostPort: "")]],
                Binds: binds,
                Memory: limits.memoryLimitBytes,
                CpuPeriod: limits.cpuPeriodPercent.map { _ in period },
                CpuQuota: limits.cpuPeriodPercent.map { max(1000, period * $0 / 100) },
                Ulimits: limits.cpuTimeLimit.map { [Creation.Host.Limit(Name: "cpu", Soft: $0, Hard: $0)] } ?? [],
                Init: self.hasInit.load(ordering: .relaxed)
            )
        )
    }

    private func address(of backend: BackendID) async throws -> SocketAddress {
        let bytes = try await self.engine.send(.GET, Self.path(backend) + "/json")
        let ports = try self.engine.decode(Inspected.self, bytes).NetworkSettings.Ports
        guard let binding = ports[Self.port]??.first, let port = UInt16(binding.HostPort), port > 0 else {
            throw LaunchFailure("The engine has given it no port")
        }
        return try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))
    }

    // MARK: Ending

    private struct Ended: Decodable {
        let StatusCode: Int
    }

    /// Passes the output on, waits for the end, and removes what is left.
    private func follow(_ backend: BackendID, _ events: BackendRuntimeEvents) async {
        let output = Task {
            let query = [("follow", "true"), ("stdout", "true"), ("stderr", "true")]
            guard let response = try? await self.engine.start(.GET, Self.path(backend) + "/logs", query) else { return }
            var frames = DockerLogFrames()
            do {
                for try await piece in response.body {
                    let lines = frames.receive(piece)
                    if !lines.isEmpty { events.output(lines) }
                }
            } catch {
                self.logger.debug(
                    "Output broke off",
                    metadata: ["backend": "\(backend)", "error": "\(ErrorText.of(error))"]
                )
            }
            if let rest = frames.rest() { events.output([rest]) }
        }
        var code: Int?
        do {
            let response = try await self.engine.start(.POST, Self.path(backend) + "/wait")
            let bytes = try await response.body.collect(upTo: 1 << 16)
            code = try self.engine.decode(Ended.self, bytes).StatusCode
        } catch {
            self.logger.error(
                "A container is lost",
                metadata: ["backend": "\(backend)", "error": "\(ErrorText.of(error))"]
            )
        }
        let patience = Task {
            try? await Task.sleep(for: .seconds(1))
            output.cancel()
        }
        await output.value
        patience.cancel()
        self.running.withLock { _ = $0.remove(backend) }
        _ = try? await self.engine.send(.DELETE, Self.path(backend), [("force", "true"), ("v", "true")])
        events.exited(code)
    }

    public func terminate(_ backend: BackendID, _ kind: TerminationKind) {
        guard self.running.withLock({ $0.contains(backend) }) else { return }
        Task {
            let signal = kind == .soft ? "SIGTERM" : "SIGKILL"
            do {
                _ = try await self.engine.send(.POST, Self.path(backend) + "/kill", [("signal", signal)])
            } catch let failure as DockerEngine.Failure where failure.status == 404 || failure.status == 409 {
                // It has ended by itself.
            } catch {
                self.logger.error(
                    "A container cannot be signalled",
                    metadata: ["backend": "\(backend)", "error": "\(ErrorText.of(error))"]
                )
            }
        }
    }

    private struct Statistics: Decodable {
        struct Memory: Decodable {
            let usage: Int?
            let limit: Int?
        }

        struct Processor: Decodable {
            struct Usage: Decodable {
                let total_usage: Int?
            }

            let cpu_usage: Usage?
            let system_cpu_usage: Int?
        }

        let memory_stats: Memory?
        let cpu_stats: Processor?
    }

    public func use(of backend: BackendID) async -> ResourceUse? {
        guard self.running.withLock({ $0.contains(backend) }),
            let bytes = try? await self.engine.send(.GET, Self.path(backend) + "/stats", [("stream", "false")]),
            let statistics = try? self.engine.decode(Statistics.self, bytes)
        else { return nil }
        let used = statistics.memory_stats?.usage ?? 0
        return ResourceUse(
            memoryUsed: used,
            memoryAvailable: max(0, (statistics.memory_stats?.limit ?? used) - used),
            processorTime: statistics.cpu_stats?.cpu_usage?.total_usage ?? 0,
            machineProcessorTime: statistics.cpu_stats?.system_cpu_usage ?? 0
        )
    }
}

extension DockerEngine.Failure {
    /// Whether it says that the program for `Init` is missing: podman when a container is made, Docker when it starts.
    fileprivate var lacksInit: Bool {
        self.description.contains("init binary not found") || self.description.contains("docker-init")
    }
}
