public import NIOCore
public import ParleyModel
internal import ParleyText

/// Which service a backend is of: an account's service, perhaps in one of its environments.
public struct ServiceName: Sendable, Hashable, CustomStringConvertible {
    public var account: String
    public var service: String
    public var environment: String?

    public init(account: String, service: String, environment: String? = nil) {
        self.account = account
        self.service = service
        self.environment = environment
    }

    public static func == (one: ServiceName, other: ServiceName) -> Bool { one.parts == other.parts }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.parts) }

    /// Compared by bytes, as everything is that requests name.
    private var parts: [ExactString] {
        [ExactString(self.account), ExactString(self.service)] + (self.environment.map { [ExactString($0)] } ?? [])
    }

    /// `account/service` or `account/service/environment`.
    public init?(_ text: String) {
        let parts = text.split(ascii: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count) else { return nil }
        self.init(account: parts[0], service: parts[1], environment: parts.count == 3 ? parts[2] : nil)
        guard self.flaw == nil else { return nil }
    }

    /// What keeps it from being the name of one service alone, in words; `nil`: nothing does.
    ///
    /// Keys, directories and records know a service by ``description``: no part may have what stands between the parts, and none
    /// may be taken for the namespace of a Plane client.
    public var flaw: String? {
        let parts =
            [("account", self.account), ("service", self.service)]
            + (self.environment.map { [("environment", $0)] } ?? [])
        for (name, part) in parts {
            if part.isEmpty { return "\(name): expected a name, got nothing" }
            if part.utf8.contains(UInt8(ascii: "/")) { return "\(name): expected a name without '/'" }
            if part.utf8.contains(0) { return "\(name): expected a name without NUL" }
        }
        return BackendKey.isPlane(scope: self.account) ? "account: expected none that begins with 'plane:'" : nil
    }

    public var description: String {
        ([self.account, self.service] + (self.environment.map { [$0] } ?? [])).joined(separator: "/")
    }
}

/// What a backend may use.
public struct ResourceLimits: Sendable, Hashable {
    /// Microseconds; of each such period the backend gets ``cpuPeriodPercent``.
    public var cpuPeriod: Int?
    /// 100: one core.
    public var cpuPeriodPercent: Int?
    /// Processor time in seconds, then SIGKILL.
    public var cpuTimeLimit: Int?
    public var memoryLimitBytes: Int?
    public var diskLimitBytes: Int?

    public init(
        cpuPeriod: Int? = nil,
        cpuPeriodPercent: Int? = nil,
        cpuTimeLimit: Int? = nil,
        memoryLimitBytes: Int? = nil,
        diskLimitBytes: Int? = nil
    ) {
        self.cpuPeriod = cpuPeriod
        self.cpuPeriodPercent = cpuPeriodPercent
        self.cpuTimeLimit = cpuTimeLimit
        self.memoryLimitBytes = memoryLimitBytes
        self.diskLimitBytes = diskLimitBytes
    }

    /// These, and where they say nothing those of `defaults`.
    public func filled(from defaults: ResourceLimits) -> ResourceLimits {
        ResourceLimits(
            cpuPeriod: self.cpuPeriod ?? defaults.cpuPeriod,
            cpuPeriodPercent: self.cpuPeriodPercent ?? defaults.cpuPeriodPercent,
            cpuTimeLimit: self.cpuTimeLimit ?? defaults.cpuTimeLimit,
            memoryLimitBytes: self.memoryLimitBytes ?? defaults.memoryLimitBytes,
            diskLimitBytes: self.diskLimitBytes ?? defaults.diskLimitBytes
        )
    }
}

/// How the backends of a service are started.
public struct BackendService: Sendable, Hashable {
    /// What runs.
    public enum Program: Sendable, Hashable {
        /// A process of its own; the first element is looked up in `PATH`.
        case command([String])
        /// A container of this image, by the Docker Engine API.
        case image(String)
        /// Nothing is started: `host:port` serves already.
        case external(String)
    }

    public var program: Program
    public var workingDirectory: String?
    public var environment: [String: String]
    /// Other builds of the service, by tag.
    public var tags: [ExactString: Program]
    public var maximumIdle: TimeAmount?
    public var lifetime: TimeAmount?
    public var limits: ResourceLimits
    public var pullPolicy = PullPolicy.ifNotPresent
    public var usesStaticToken: Bool
    /// How WebSockets outlive a backend; `nil`: they do not.
    public var resume: ResumePolicy?

    public init(
        _ program: Program,
        workingDirectory: String? = nil,
        environment: [String: String] = [:],
        tags: [ExactString: Program] = [:],
        maximumIdle: TimeAmount? = nil,
        lifetime: TimeAmount? = nil,
        limits: ResourceLimits = ResourceLimits(),
        usesStaticToken: Bool = false
    ) {
        self.program = program
        self.workingDirectory = workingDirectory
        self.environment = environment
        self.tags = tags
        self.maximumIdle = maximumIdle
        self.lifetime = lifetime
        self.limits = limits
        self.usesStaticToken = usesStaticToken
    }
}
