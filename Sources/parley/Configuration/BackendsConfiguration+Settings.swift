import Foundation
import NIOCore
import ParleyBackends
internal import ParleyBackendsHTTP
import ParleyServer
import ParleyText

extension BackendsConfiguration {
    /// - Parameter isDevelopment: Whether `--dev` was given.
    init(_ settings: Settings, isDevelopment: Bool) throws {
        self.init()
        self.version = Parley.version
        self.catalogue = try Self.catalogue(settings, isDevelopment: isDevelopment)
        self.cluster = try settings.authority(.backendsCluster)
        self.host = try settings.text(.host)
        self.publicAPIURL = try settings.url(.backendsPublicAPIURL).map {
            $0.hasSuffix("/") ? String($0.dropLast()) : $0
        }
        self.urlStyle = try settings.word(.backendsURLStyle) == "subdomain" ? .subdomain : .path
        var mistakes = Mistakes()
        if self.urlStyle == .subdomain, self.cluster == nil {
            mistakes.collect {
                let value = settings.value(of: .backendsURLStyle)
                throw ConfigurationFailure(
                    description: "\(value.name)=subdomain, from \(value.place), needs BACKENDS_CLUSTER."
                )
            }
        }
        self.control = try Self.control(settings, mode: self.catalogue?.mode)
        self.rootRedirect = try settings.url(.backendsRootRedirect)
        self.allowsInlineCommands = try settings.toggle(.backendsInlineCommands)
        var processes = self.processes
        mistakes.collect { processes = try Self.processes(settings) }
        self.processes = processes
        self.containers = try settings.text(.backendsDockerSocket).map {
            ContainerRuntime.Configuration(socket: $0, mountBase: self.processes.mountBase)
        }
        self.supervisor.lifecycle = BackendLifecycle.Limits(
            startupTimeout: try settings.time(.backendsStartupTimeout),
            softGrace: try settings.time(.backendsSoftGrace)
        )
        self.supervisor.tokenLifetime = try settings.time(.backendsTokenTTL)
        self.supervisor.retention = try settings.time(.backendsRetention)
        self.supervisor.maximumLive = try settings.count(.backendsMaximum)
        let spawns = try settings.count(.backendsSpawnsPerMinute)
        self.supervisor.spawnsPerMinute = spawns == 0 ? nil : spawns
        self.supervisor.waitForRelease = try settings.time(.backendsWaitForRelease)
        try mistakes.throwIfAny()
    }

    /// - Returns: `nil` when they are switched off.
    private static func catalogue(_ settings: Settings, isDevelopment: Bool) throws -> BackendCatalogue? {
        guard try settings.toggle(.backends) else { return nil }
        let file = settings.backends
        let mode = try settings.text(.backendsMode) ?? (isDevelopment ? "dev" : "production")
        let defaultService =
            try file.defaultService
            ?? settings.text(.backendsCommand).map { BackendService(BackendsFile.shellCommand($0)) }
            ?? (isDevelopment ? Self.exampleProgram.map { BackendService(.command([$0])) } : nil)
        return BackendCatalogue(
            mode: mode == "dev" ? .development : .production,
            services: file.services,
            defaultService: defaultService,
            executables: file.executables,
            accounts: file.accounts
        )
    }

    /// The whiteboard that is built beside this program.
    static var exampleProgram: String? {
        guard let program = Bundle.main.executablePath else { return nil }
        let path = URL(filePath: program).resolvingSymlinksInPath().deletingLastPathComponent().appending(
            path: "whiteboard"
        )
        return FileManager.default.isExecutableFile(atPath: path.path()) ? path.path() : nil
    }

    private static func control(_ settings: Settings, mode: BackendCatalogue.Mode?) throws -> ControlAccess {
        if let token = try settings.text(.backendsControlToken) { return .token(token) }
        if let url = try settings.url(.backendsForwardAuth) { return .forward(url) }
        return mode == .development ? .loopback : .closed
    }

    private static func processes(_ settings: Settings) throws -> ProcessRuntime.Configuration {
        let environment = ProcessInfo.processInfo.environment.filter {
            ProcessRuntime.Configuration.inheritedNames.contains($0.key)
        }
        let dataDirectory = try settings.text(.dataDirectory).map { $0 + "/backends" }
        // Of this user, so that lives of others are not looked at.
        let temporary = NSTemporaryDirectory() + "parley-\(getuid())/backends"
        var processes = ProcessRuntime.Configuration(
            mountBase: try settings.text(.backendsMountBase),
            portRange: try Self.portRange(settings),
            journalDirectory: try settings.text(.backendsStateDirectory) ?? dataDirectory ?? temporary,
            environment: environment
        )
        // As it was before the server raised its own.
        processes.openFiles = OpenFiles.softLimit
        return processes
    }

    private static func portRange(_ settings: Settings) throws -> ClosedRange<Int>? {
        let value = settings.value(of: .backendsPortRange)
        guard let text = value.text else { return nil }
        let bounds = text.split(separator: "-").map { Int($0.trimmingWhiteSpace) }
        guard bounds.count == 2, let first = bounds[0], let last = bounds[1], 1 <= first, first <= last, last <= 65535
        else {
            throw ConfigurationFailure(
                description:
                    "\(value.name) is '\(LogText.escaped(text, isQuoted: false))', from \(value.place): expected two ports with a hyphen, such as 20000-20999."
            )
        }
        return first...last
    }
}

extension Settings {
    /// Seconds as a time.
    fileprivate func time(_ setting: Setting) throws(ConfigurationFailure) -> TimeAmount {
        .nanoseconds(Int64(try self.seconds(setting) * 1_000_000_000))
    }
}
