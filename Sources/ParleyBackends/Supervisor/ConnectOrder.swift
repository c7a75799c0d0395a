public import NIOCore

/// A request for the backend of a key, as every API says it in the end.
public struct ConnectOrder: Sendable {
    /// `nil`: a fresh random one, so always a new backend.
    public var key: BackendKey?
    /// A live holder must have the same.
    public var tag = ""
    /// Who pays; `nil` for programs that are trusted.
    public var service: ServiceName?
    /// Where a fresh key belongs.
    public var scope = ""
    public var pool = ""
    /// How to spawn when nobody holds the key; `nil`: not at all.
    public var spawn: SpawnOrder?
    /// Bound to the token, told to the backend.
    public var user: String?
    /// A JSON object in compact form with ASCII alone, bound to the token.
    public var auth: String?

    public init(key: BackendKey? = nil, spawn: SpawnOrder? = nil) {
        self.key = key
        self.spawn = spawn
    }
}

/// How a backend is to be spawned.
public struct SpawnOrder: Sendable {
    /// `nil`: a random one.
    public var id: BackendID?
    public var program: BackendService.Program
    public var workingDirectory: String?
    public var environment: [String: String] = [:]
    public var limits = ResourceLimits()
    public var pullPolicy = PullPolicy.ifNotPresent
    public var mount: Mount?
    public var maximumIdle: TimeAmount?
    public var lifetime: TimeAmount?
    public var usesStaticToken = false
    /// How WebSockets outlive the backend; `nil`: they do not.
    public var resume: ResumePolicy?
    /// The only subdomain of the cluster at which it answers.
    public var subdomain: String?

    public enum Mount: Sendable, Hashable {
        /// A directory of the key's own.
        case key
        case path(String)
    }

    public init(_ program: BackendService.Program) {
        self.program = program
    }

    public init(_ service: BackendService) {
        self.program = service.program
        self.workingDirectory = service.workingDirectory
        self.environment = service.environment
        self.limits = service.limits
        self.pullPolicy = service.pullPolicy
        self.maximumIdle = service.maximumIdle
        self.lifetime = service.lifetime
        self.usesStaticToken = service.usesStaticToken
        self.resume = service.resume
    }
}

/// The answer to a ``ConnectOrder``.
public struct ConnectResult: Sendable {
    public let backend: BackendID
    /// Whether this very order created the backend.
    public let isSpawned: Bool
    public let status: BackendStatus
    public let token: String
    /// `nil` for static tokens.
    public let secretToken: String?
    public let subdomain: String?
    public let node: String
}
