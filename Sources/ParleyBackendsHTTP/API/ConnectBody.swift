internal import NIOCore
internal import ParleyBackends
internal import ParleyModel
internal import ParleyText

/// The body of a connect, of `/v2` and, with other names for some fields, of `/ctrl`: checked, and not yet resolved.
///
/// Source: docs/session-backends.md, "Connect".
struct ConnectBody {
    static let maximumKeyCharacters = 128
    static let maximumUserBytes = 1024
    static let maximumAuthBytes = 8 * 1024
    static let maximumVariables = 128
    static let maximumVariableBytes = 128 * 1024

    /// How a backend may be spawned.
    enum Spawning {
        case never
        case asConfigured
        case with(SpawnBody)
    }

    var key: String?
    var spawning = Spawning.asConfigured
    var user: String?
    var auth: String?

    /// - Parameter body: A JSON object, or nothing.
    init(_ body: ByteBuffer) throws(BackendFailure) {
        guard body.readableBytes > 0 else { return }
        let fields = try BackendFields(body)
        self.key = try fields.string("key").flatMap { $0.isEmpty ? nil : $0 }
        try Self.check(key: self.key, "key")
        switch fields.kind("spawn") {
        case nil: break
        case .bool: self.spawning = try fields.bool("spawn") == true ? .asConfigured : .never
        case .object:
            if let spawn = try fields.object("spawn") { self.spawning = .with(try SpawnBody(spawn)) }
        default: throw .invalidRequest("spawn: expected true, false or an object")
        }
        (self.user, self.auth) = try Self.identity(fields)
    }

    /// A key becomes part of an environment and of paths.
    static func check(key: String?, _ field: String) throws(BackendFailure) {
        guard let key else { return }
        let count = key.unicodeScalars.count
        guard count <= Self.maximumKeyCharacters else {
            throw .invalidRequest("\(field): expected at most \(Self.maximumKeyCharacters) characters, got \(count)")
        }
        guard !key.utf8.contains(0) else { throw .invalidRequest("\(field): expected no NUL") }
    }

    /// `user` and `auth`, fit for headers.
    static func identity(_ fields: BackendFields) throws(BackendFailure) -> (user: String?, auth: String?) {
        let user = try fields.string("user")
        if let user {
            guard user.utf8.count <= Self.maximumUserBytes else {
                throw .invalidRequest("user: expected at most \(Self.maximumUserBytes) bytes, got \(user.utf8.count)")
            }
            guard user.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
                throw .invalidRequest("user: expected no control characters, as it becomes a header")
            }
        }
        guard let auth = try fields.objectBytes("auth") else { return (user, nil) }
        let text = JSONText.ascii(String(buffer: JSONScanner.compacted(auth)))
        guard text.utf8.count <= Self.maximumAuthBytes else {
            throw .invalidRequest(
                "auth: expected at most \(Self.maximumAuthBytes) bytes as JSON in ASCII, got \(text.utf8.count)"
            )
        }
        return (user, text)
    }

    /// Checks the environment of a request.
    static func environment(_ fields: BackendFields?) throws(BackendFailure) -> [String: String] {
        guard let fields else { return [:] }
        var environment: [String: String] = [:]
        var bytes = 0
        for name in fields.names {
            guard let value = try fields.string(name) else { continue }
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), !name.utf8.contains(0), !value.utf8.contains(0)
            else {
                throw .invalidRequest("env: expected names without '=', and no NUL in names and values")
            }
            // A process may have both, a dictionary of strings has one.
            guard environment.updateValue(value, forKey: name) == nil else {
                throw .invalidRequest("env: expected names that differ in more than their Unicode normalisation")
            }
            bytes += name.utf8.count + value.utf8.count + 2
        }
        guard environment.count <= Self.maximumVariables, bytes <= Self.maximumVariableBytes else {
            throw .invalidRequest(
                "env: expected at most \(Self.maximumVariables) entries and \(Self.maximumVariableBytes) bytes"
            )
        }
        return environment
    }
}

/// The object under `spawn`.
struct SpawnBody {
    var tag: String?
    var cluster: String?
    var lifetime: TimeAmount?
    var maximumIdle: TimeAmount?
    var environment: [String: String] = [:]
    var mount: SpawnOrder.Mount?
    var limits = ResourceLimits()

    init() {}

    init(_ fields: BackendFields) throws(BackendFailure) {
        self.tag = try fields.string("tag")
        self.cluster = try fields.string("cluster")
        self.lifetime = try fields.seconds("lifetime_limit_seconds")
        self.maximumIdle = try fields.seconds("max_idle_seconds")
        guard let executable = try fields.object("executable") else { return }
        self.environment = try ConnectBody.environment(try executable.object("env"))
        self.mount = try Self.mount(executable)
        self.limits = try Self.limits(executable)
    }

    static func mount(_ fields: BackendFields) throws(BackendFailure) -> SpawnOrder.Mount? {
        switch fields.kind("mount") {
        case nil: return nil
        case .bool: return try fields.bool("mount") == true ? .key : nil
        default:
            guard let path = try fields.string("mount") else { return nil }
            let parts = path.split(ascii: "/", omittingEmptySubsequences: false)
            guard !path.isEmpty, path.utf8.count <= 512, !path.utf8.contains(0),
                parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
            else { throw .invalidRequest("mount: expected true, false or a relative path without '..'") }
            return .path(path)
        }
    }

    static func limits(_ fields: BackendFields) throws(BackendFailure) -> ResourceLimits {
        guard let limits = try fields.object("resource_limits") else { return ResourceLimits() }
        return ResourceLimits(
            cpuPeriod: try limits.integer("cpu_period", in: 1000...1_000_000),
            cpuPeriodPercent: try limits.integer("cpu_period_percent", in: 0...255),
            cpuTimeLimit: try limits.integer("cpu_time_limit", in: 0...Int(Int32.max)),
            memoryLimitBytes: try limits.integer("memory_limit_bytes", in: 0 ... .max),
            diskLimitBytes: try limits.integer("disk_limit_bytes", in: 0 ... .max)
        )
    }
}
