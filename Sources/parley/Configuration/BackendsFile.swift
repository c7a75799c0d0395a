import NIOCore
import ParleyBackends
import ParleyModel
import Yams

/// What stands under `backends` in a configuration file and is no setting: services, executables and accounts.
///
/// ```yaml
/// backends:
///   services:
///     default: {command: [node, backend.mjs], cwd: /srv/whiteboard}
///     acme/whiteboard: {command: [./whiteboard], max_idle: 60, env: {MODE: fast}}
///   executables:
///     whiteboard-image: [./whiteboard]
///   accounts:
///     acme: {tokens: [acme.a-long-secret]}
/// ```
struct BackendsFile: Sendable {
    static let keys: Set<String> = ["services", "executables", "accounts"]

    private(set) var services: [ServiceName: BackendService] = [:]
    private(set) var defaultService: BackendService?
    private(set) var executables: [ExactString: BackendService.Program] = [:]
    private(set) var accounts: [ExactString: [String]] = [:]

    /// - Parameter path: Of the file, for messages.
    mutating func read(_ key: String, _ value: Node, path: String) throws {
        guard let mapping = value.mapping else {
            throw ConfigurationFailure(description: "\(path): backends.\(key): expected a mapping of names.")
        }
        for (name, entry) in mapping {
            let name = name.string ?? ""
            let place = Place(text: "\(path): backends.\(key).\(name)")
            switch key {
            case "services":
                let service = try Self.service(entry, place)
                if name == "default" {
                    self.defaultService = service
                } else if let known = ServiceName(name) {
                    self.services[known] = service
                } else {
                    throw place.failure("expected default, account/service or account/service/environment as name")
                }
            case "executables":
                self.executables[ExactString(name)] = try Self.program(entry, place)
            default:
                self.accounts[ExactString(name)] = try Self.tokens(entry, place)
            }
        }
    }

    /// Where in the file something stands.
    private struct Place {
        let text: String

        subscript(_ key: String) -> Place { Place(text: "\(self.text).\(key)") }

        func failure(_ expectation: String) -> ConfigurationFailure {
            ConfigurationFailure(description: "\(self.text): \(expectation).")
        }
    }

    /// The tokens of an account, here or in a file of their own.
    private static func tokens(_ node: Node, _ place: Place) throws -> [String] {
        let expected = place.failure("expected {tokens: [one or more]} or {tokens_file: path}")
        guard let mapping = node.mapping, mapping.count == 1 else { throw expected }
        if let path = mapping["tokens_file"]?.string, !path.isEmpty {
            return try Self.tokens(inFile: path, place["tokens_file"])
        }
        guard let sequence = mapping["tokens"]?.sequence else { throw expected }
        let tokens = sequence.compactMap { $0.string.map(Settings.trimmed) }
        guard !tokens.isEmpty, tokens.count == sequence.count, tokens.allSatisfy({ !$0.isEmpty }) else {
            throw expected
        }
        return tokens
    }

    /// One a line.
    private static func tokens(inFile path: String, _ place: Place) throws -> [String] {
        do throws(FileContents.Unreadable) {
            return try SecretFiles.contents(of: path).split(whereSeparator: \.isNewline).map {
                Settings.trimmed(String($0))
            }
            .filter { !$0.isEmpty }
        } catch {
            throw place.failure(
                "'\(LogText.escaped(path, isQuoted: false))' cannot be used: \(error.reason). "
                    + "Expected a file with one token in each line"
            )
        }
    }

    /// A list of words, or text for a shell.
    private static func program(_ node: Node, _ place: Place) throws -> BackendService.Program {
        if let mapping = node.mapping, mapping.count == 1, let image = mapping["image"]?.string { return .image(image) }
        if let words = node.sequence?.compactMap(\.string), !words.isEmpty, words.count == node.sequence?.count {
            return .command(words)
        }
        if let line = node.scalar?.string, !line.isEmpty { return Self.shellCommand(line) }
        throw place.failure("expected a command as a list of words or as text for a shell, or {image: …}")
    }

    /// Whatever a shell takes. Signals go to the whole group, so that it does not matter whether the shell becomes the command.
    static func shellCommand(_ line: String) -> BackendService.Program {
        // A line that goes on in the next one, and there is none.
        .command(["/bin/sh", "-c", line.hasSuffix("\\") ? line + "\n" : line])
    }

    private static let serviceKeys = [
        "command", "image", "external", "cwd", "env", "tags", "max_idle", "lifetime", "limits", "pull_policy",
        "use_static_token", "resume",
    ]

    private static func service(_ node: Node, _ place: Place) throws -> BackendService {
        guard let mapping = node.mapping else { throw place.failure("expected {command: […]}") }
        for (key, _) in mapping where !Self.serviceKeys.contains(key.string ?? "") {
            throw place.failure(
                "no such key: \(key.string ?? ""); expected \(Self.serviceKeys.joined(separator: ", "))"
            )
        }
        let program: BackendService.Program
        switch (mapping["command"], mapping["image"]?.string, mapping["external"]?.string) {
        case (let command?, nil, nil): program = try Self.program(command, place["command"])
        case (nil, let image?, nil): program = .image(image)
        case (nil, nil, let address?):
            guard let known = try? HostAndPort(address), known.port != nil else {
                throw place["external"].failure(
                    "expected a host and a port from 1 to 65535, such as localhost:3000 or [::1]:3000"
                )
            }
            program = .external(address)
        default: throw place.failure("expected one of command, image and external")
        }
        var service = BackendService(program)
        service.workingDirectory = mapping["cwd"]?.string
        service.environment = try Self.texts(mapping["env"], place["env"])
        for (tag, entry) in mapping["tags"]?.mapping ?? [:] {
            let tag = tag.string ?? ""
            service.tags[ExactString(tag)] = try Self.program(entry, place["tags"][tag])
        }
        service.maximumIdle = try Self.seconds(mapping["max_idle"], place["max_idle"])
        service.lifetime = try Self.seconds(mapping["lifetime"], place["lifetime"])
        service.limits = try Self.limits(mapping["limits"], place["limits"])
        if let text = mapping["pull_policy"]?.string {
            guard let policy = PullPolicy(rawValue: text) else {
                throw place["pull_policy"].failure("expected Always, IfNotPresent or Never")
            }
            service.pullPolicy = policy
        }
        if let flag = mapping["use_static_token"] {
            guard let flag = flag.bool else { throw place["use_static_token"].failure("expected true or false") }
            service.usesStaticToken = flag
        }
        service.resume = try Self.resume(mapping["resume"], place["resume"])
        if service.resume != nil, service.usesStaticToken || mapping["external"] != nil {
            throw place["resume"].failure("does not go with external or use_static_token")
        }
        return service
    }

    private static func resume(_ node: Node?, _ place: Place) throws -> ResumePolicy? {
        guard let node, node.null == nil else { return nil }
        if let flag = node.bool { return flag ? ResumePolicy() : nil }
        guard let mapping = node.mapping else {
            throw place.failure("expected true, false or {buffer_bytes: …, wait: …}")
        }
        var policy = ResumePolicy()
        for (name, value) in mapping {
            let name = name.string ?? ""
            switch name {
            case "buffer_bytes":
                guard let bytes = value.int, (0...1 << 30).contains(bytes) else {
                    throw place[name].failure("expected bytes from 0 to \(1 << 30)")
                }
                policy.maximumBytes = bytes
            case "wait":
                guard let seconds = try Self.seconds(value, place[name]) else { continue }
                policy.patience = seconds
            default: throw place[name].failure("expected buffer_bytes or wait")
            }
        }
        return policy
    }

    private static func texts(_ node: Node?, _ place: Place) throws -> [String: String] {
        guard let node else { return [:] }
        guard let mapping = node.mapping else { throw place.failure("expected names and values") }
        var texts: [String: String] = [:]
        for (name, value) in mapping {
            guard let name = name.string, let value = value.scalar?.string, !name.isEmpty, !name.contains("=") else {
                throw place.failure("expected names without '=', and text as values")
            }
            // A process may have both, a dictionary of strings has one.
            guard texts.updateValue(value, forKey: name) == nil else {
                throw place.failure("expected names that differ in more than their Unicode normalisation")
            }
        }
        return texts
    }

    private static func seconds(_ node: Node?, _ place: Place) throws -> TimeAmount? {
        guard let node, node.null == nil else { return nil }
        guard let seconds = node.int, (0...3_153_600_000).contains(seconds) else {
            throw place.failure("expected whole seconds")
        }
        return .seconds(Int64(seconds))
    }

    private static func limits(_ node: Node?, _ place: Place) throws -> ResourceLimits {
        guard let node else { return ResourceLimits() }
        guard let mapping = node.mapping else { throw place.failure("expected names and numbers") }
        var limits = ResourceLimits()
        for (name, value) in mapping {
            let name = name.string ?? ""
            let range =
                ["cpu_period": 1000...1_000_000, "cpu_period_percent": 0...255][name] ?? 0...Int(Int32.max) << 16
            guard let number = value.int, range.contains(number) else {
                throw place[name].failure("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            switch name {
            case "cpu_period": limits.cpuPeriod = number
            case "cpu_period_percent": limits.cpuPeriodPercent = number
            case "cpu_time_limit": limits.cpuTimeLimit = number
            case "memory_limit_bytes": limits.memoryLimitBytes = number
            case "disk_limit_bytes": limits.diskLimitBytes = number
            default:
                throw place[name].failure(
                    "expected cpu_period, cpu_period_percent, cpu_time_limit, memory_limit_bytes or disk_limit_bytes"
                )
            }
        }
        return limits
    }
}
