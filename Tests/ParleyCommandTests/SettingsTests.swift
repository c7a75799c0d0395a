import Foundation
import ParleyBackends
import ParleyBackendsHTTP
import ParleyGateway
import ParleyServer
import Testing

@testable import parley

@Suite struct SettingsTests {
    @Test("Flags win over the environment, the environment over the file, the file over the default")
    func precedence() async throws {
        let file = try TemporaryFile("channel:\n  port: 4001\nhost: file\nparley_event_loops: 3\n")
        let settings = try await Settings(
            flags: [(.channelPort, "4003")],
            file: file.path,
            environment: ["CHANNEL_PORT": "4002", "HOST": "environment"]
        )
        #expect(settings.value(of: .channelPort) == .init(text: "4003", name: "CHANNEL_PORT", source: "command line"))
        #expect(settings.value(of: .host) == .init(text: "environment", name: "HOST", source: "environment"))
        #expect(settings.value(of: .eventLoops).source == file.path)
        #expect(settings.value(of: .historyLimit) == .init(text: "100", name: "HISTORY_LIMIT", source: "default"))
    }

    @Test("A prefixed name wins over the bare one, and an empty value counts as unset")
    func names() async throws {
        let settings = try await Settings(
            flags: [],
            file: nil,
            environment: ["JWT_SECRET": "bare", "SESSION_CHAT_JWT_SECRET": "prefixed", "PORT": "1", "PARLEY_PORT": ""]
        )
        #expect(try settings.text(.jwtSecret) == "prefixed")
        #expect(try settings.port(.port) == 1)
    }

    @Test(
        "A value of the wrong form is refused by name and source",
        arguments: [
            ("PARLEY_PORT", "70000"), ("PARLEY_PORT", "x"), ("CHANNEL_IDLE_TIMEOUT", "-1"), ("HISTORY_LIMIT", "1.5"),
            ("PARLEY_EVENT_LOOPS", "0"), ("PARLEY_EVENT_LOOPS", "70000"), ("RELAY_MAX_MESSAGE_BYTES", "4294967296"),
            ("RELAY", "maybe"), ("CHANNEL_ECHO", "2"), ("DUPLICATE_USER", "any"),
        ]
    )
    func wrong(name: String, value: String) async throws {
        let settings = try await Settings(
            flags: [],
            file: nil,
            environment: [name: value, "JWT_SECRET": "a secret of enough bytes for tests"]
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        #expect(failure?.description.contains("\(name) is '\(value)', from the environment: expected ") == true)
    }

    @Test(
        "What does not fit together is refused, naming both sides",
        arguments: [
            (["PARLEY_PORT": "5000", "CHANNEL_PORT": "5000"], ["PARLEY_PORT", "CHANNEL_PORT", "5000"]),
            (["PARLEY_TLS_CERTIFICATE": "a.pem"], ["PARLEY_TLS_CERTIFICATE", "PARLEY_TLS_KEY"]),
            (["PING_PERIOD": "5", "PONG_WAIT": "5"], ["PING_PERIOD", "PONG_WAIT"]),
            (["CHANNEL_MANAGEMENT_AUTH": "token"], ["CHANNEL_MANAGEMENT_TOKEN"]),
            (["CHANNEL_MANAGEMENT_AUTH": "sigv4"], ["CHANNEL_ACCESS_KEY_ID", "CHANNEL_SECRET_ACCESS_KEY"]),
            (["RELAY": "jwt", "SESSION_CHAT": "off"], ["RELAY", "SESSION_CHAT"]),
            (["JWT_SECRET": ""], ["JWT_SECRET", "--dev", "SESSION_CHAT=off"]),
            (["CHANNEL_PATH": "x"], ["CHANNEL_PATH", "'x'", "begins with /"]),
        ]
    )
    func conflicts(environment: [String: String], words: [String]) async throws {
        let settings = try await Settings(
            flags: [],
            file: nil,
            environment: ["JWT_SECRET": "a secret of enough bytes for tests"].merging(environment) { $1 }
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        for word in words { #expect(failure?.description.contains(word) == true) }
    }

    static let badPlaces: [(String, String)] = [
        ("BACKENDS_CLUSTER", "h:99999"), ("BACKENDS_CLUSTER", "https://h"), ("SESSION_SERVER_HOST", "a:1,b:99999"),
        ("CORS_ORIGIN", "null"), ("SESSION_CHAT_CORS_ORIGIN", "ok.test"),
        ("GATEWAY_CORS_ORIGIN", "https://a https://b"),
        ("ACCEPTED_ORIGIN", "null"), ("CORS_ORIGIN", "https://ok.test:99999"),
    ]

    static let badURLs: [(String, String)] = [
        "AI_API_URL", "BACKENDS_FORWARD_AUTH", "BACKENDS_PUBLIC_API_URL", "BACKENDS_ROOT_REDIRECT",
    ].flatMap { name in
        [
            "http://127.0.0.1:99999/v1", "http://u:pw-secret@h:0/?key=k-secret", "u:pw-secret@h/v1?k-secret", "ftp://h",
            "h:80",
        ].map { (name, $0) }
    }

    @Test("A URL or host with a port that is none is refused, without its password", arguments: badURLs + badPlaces)
    func places(name: String, value: String) async throws {
        let settings = Settings(
            sources: [],
            file: nil,
            environment: [name: value, "JWT_SECRET": "a secret of enough bytes for tests"]
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        let message = failure?.description ?? ""
        #expect(failure?.mistakes.count == 1)
        #expect(message.hasPrefix("\(name) is '") && message.contains("from the environment: expected "), "\(message)")
        #expect(!message.contains("-secret"), "\(message)")
    }

    @Test(
        "What surrounds a value is not part of it",
        arguments: ["\r", "\r\n", "\n", " ", "\t", "\u{FEFF}", "\u{A0}"]
    )
    func surrounded(end: String) async throws {
        let environment = [
            "NODE_ENV": "production", "CORS_ORIGIN": "https://a.test", "WEBSOCKET_PATH": "/socket",
            "SWAGGER_USERNAME": "ada",
            "PARLEY_DATA_DIR": "/tmp/data", "HOST": "127.0.0.1", "PARLEY_PORT": "8001", "RELAY": "open", "DEBUG": "off",
            "JWT_SECRET": "a secret of enough bytes for tests",
        ]
        func plan(_ environment: [String: String]) async throws -> ServePlan {
            try await ServePlan(Settings(sources: [], file: nil, environment: environment), isDevelopment: false)
        }
        let settings = Settings(sources: [], file: nil, environment: environment.mapValues { end + $0 + end })
        for (name, value) in environment {
            let setting = try #require(Setting.all.first { $0.names.contains(name) })
            #expect(settings.value(of: setting).text == value)
        }
        #expect(try await plan(environment.mapValues { $0 + end }).server.gateway.isProduction)
        #expect(try await plan(environment).server.gateway.webSocketPath == "/socket")
    }

    @Test(
        "Production is called so in any case, and in short",
        arguments: [
            ("production", true), ("PRODUCTION", true), ("Prod", true), ("prod ", true), ("development", false),
            ("product", false),
        ]
    )
    func production(value: String, isProduction: Bool) async throws {
        let environment = ["NODE_ENV": value, "JWT_SECRET": "a secret of enough bytes for tests"]
        let plan = try await ServePlan(Settings(sources: [], file: nil, environment: environment), isDevelopment: false)
        #expect(plan.server.gateway.isProduction == isProduction)
    }

    @Test("Every mistake is reported, whatever else is wrong, and each once")
    func all() async throws {
        let file = try TemporaryFile("hosst: x\nspaces:\n  a: [relay, nothing]\n")
        let settings = Settings(
            sources: [(.logLevel, "loud")],
            file: file.path,
            environment: [
                "PARLEY_PORT": "x", "CHANNEL_PORT": "5000", "GATEWAY_PORT": "5000", "PING_PERIOD": "70",
                "CHANNEL_MANAGEMENT_AUTH": "token", "PARLEY_TLS_KEY": "k", "HOST": "http://a", "RELAY": "jwt",
                "SESSION_CHAT": "off", "BACKENDS_URL_STYLE": "subdomain", "BACKENDS_PORT_RANGE": "9-1",
                "WEBSOCKET_PATH": "ws", "CHANNEL_PATH": "x", "AI_API_URL": "nowhere",
            ]
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        let mistakes = failure?.mistakes ?? []
        let expected = [
            "hosst", "'nothing'", "PARLEY_LOG_LEVEL", "PARLEY_PORT", "GATEWAY_PORT and CHANNEL_PORT", "PONG_WAIT",
            "CHANNEL_MANAGEMENT_TOKEN", "PARLEY_TLS_CERTIFICATE", "HOST is", "RELAY=jwt", "BACKENDS_CLUSTER",
            "BACKENDS_PORT_RANGE", "WEBSOCKET_PATH", "CHANNEL_PATH", "AI_API_URL",
        ]
        for word in expected { #expect(mistakes.count { $0.contains(word) } == 1, "\(word): \(mistakes)") }
        #expect(mistakes.count == expected.count)
    }

    /// What the message of one wrong value has to say.
    static let wrongValues: [([String: String], String)] = [
        (
            ["PARLEY_PORT": "tcp:/a"],
            "PARLEY_PORT is 'tcp:/a', from the environment: expected a port from 0 to 65535, or off."
        ),
        (
            ["SERVER_PORT": "99999"],
            "SERVER_PORT is '99999', from the environment: expected a port from 0 to 65535, or off."
        ),
        (
            ["HOST": "http://::1"],
            "HOST is 'http://::1', from the environment: expected an IP address or a host name, without scheme and port."
        ),
        (
            ["HOST": "localhost:80"],
            "HOST is 'localhost:80', from the environment: expected an IP address or a host name, without scheme and port."
        ),
        (
            ["HOST": "999.1.1.1"],
            "HOST is '999.1.1.1', from the environment: expected an IP address or a host name, without scheme and port."
        ),
        (["DEBUG": "ture"], "DEBUG is 'ture', from the environment: expected true or false."),
        (["DEBUG": "onn"], "DEBUG is 'onn', from the environment: expected true or false."),
        (["LOG_DEBUG": "socket.io*"], "LOG_DEBUG is 'socket.io*', from the environment: expected true or false."),
        (
            ["RELAY": "a\nb\u{1B}[31m"],
            "RELAY is 'a\\nb\\u001b[31m', from the environment: expected one of off, open, jwt."
        ),
    ]

    @Test("A wrong value is named with its source and what would be right", arguments: wrongValues)
    func messages(environment: [String: String], message: String) async throws {
        let settings = Settings(
            sources: [],
            file: nil,
            environment: ["JWT_SECRET": "a secret of enough bytes for tests"].merging(environment) { $1 }
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        #expect(failure?.mistakes == [message])
    }

    @Test(
        "What is plainly meant for others counts as unset, and is said",
        arguments: Setting.all.filter { $0.form == .port(mayBeOff: true) }.flatMap(\.names).map {
            ($0, "tcp://10.3.2.1:80")
        }
            + [
                ("PARLEY_PORT", "tcp://[fd00::1]:8000"), ("PORT", "udp://10.0.0.1:53"), ("PORT", "TCP://a.b:1"),
                ("DEBUG", "socket.io*"), ("DEBUG", "*"), ("DEBUG", "express:router,-x"), ("DEBUG", "release"),
                ("HOST", "x86_64-conda-linux-gnu"), ("HOST", "x86_64-conda_cos6-linux-gnu"),
                ("HOST", "arm64-apple-darwin20.0.0"), ("HOST", "aarch64-linux-gnu"), ("HOST", "x86_64-w64-mingw32"),
            ]
    )
    func foreign(name: String, value: String) async throws {
        let settings = Settings(
            sources: [],
            file: nil,
            environment: ["JWT_SECRET": "a secret of enough bytes for tests", name: value]
        )
        let plan = try await ServePlan(settings, isDevelopment: false)
        #expect(plan.notes.count == 1)
        #expect(plan.notes.first?.hasPrefix("\(name) is '\(value)' in the environment: ") == true)
        let setting = try #require(Setting.all.first { $0.names.contains(name) })
        #expect(settings.value(of: setting).isDefault)
    }

    @Test(
        "A value that could be meant for us is not passed over",
        arguments: [
            ("PARLEY_PORT", "tcp://10.0.0.1"), ("PARLEY_PORT", "tcp://:80"), ("PARLEY_PORT", "http://10.0.0.1:80"),
            ("DEBUG", "tru"), ("DEBUG", "yess"), ("DEBUG", "of"), ("HOST", "a_b c"), ("HOST", "-a"),
            ("LOG_DEBUG", "express:*"),
        ]
    )
    func slips(name: String, value: String) async throws {
        let settings = Settings(
            sources: [],
            file: nil,
            environment: ["JWT_SECRET": "a secret of enough bytes for tests", name: value]
        )
        await #expect(throws: ConfigurationFailure.self) { try await ServePlan(settings, isDevelopment: false) }
        #expect(settings.notes.isEmpty)
    }

    @Test("In a file of ours everything is meant for us")
    func inFile() async throws {
        let file = try TemporaryFile("port: tcp://10.0.0.1:80\ndebug: socket.io*\n")
        let settings = Settings(
            sources: [],
            file: file.path,
            environment: ["JWT_SECRET": "a secret of enough bytes for tests"]
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        #expect(failure?.mistakes.count == 2)
    }

    @Test(
        "Addresses are taken with and without brackets",
        arguments: [
            ("::1", "::1"), ("[::1]", "::1"), ("[fe80::1%eth0]", "fe80::1%eth0"), ("0.0.0.0", "0.0.0.0"),
            ("my-host.example.", "my-host.example."), ("my_host", "my_host"),
        ]
    )
    func addresses(text: String, address: String) async throws {
        let settings = Settings(sources: [], file: nil, environment: ["HOST": text])
        #expect(try settings.address(.host) == address)
    }

    @Test("A dialect that has only its default port gives way to the front door; who is named twice is refused")
    func ports() async throws {
        // As an event gateway was deployed.
        var plan = try await self.plan(["PORT": "3000", "WEBSOCKET_PORT": "3500"])
        #expect(plan.server.listeners.map(\.port) == [3000, 3500, 3001, 8080, 9090])
        #expect(
            plan.notes == [
                "GATEWAY_PORT has only its default, 3000, which PORT gives to the front door: the event gateway has no port of its own."
            ]
        )
        for (port, kind) in [
            (3500, "event gateway's sockets"), (3001, "channel server"), (8080, "backends' API"),
            (9090, "backends' proxy"),
        ] {
            plan = try await self.plan(["PARLEY_PORT": "\(port)"])
            #expect(plan.server.listeners.count { $0.port == port } == 1)
            #expect(plan.notes.first?.contains(kind) == true)
        }
        for environment in [
            ["PORT": "3000", "GATEWAY_PORT": "3000"], ["CHANNEL_PORT": "3000"], ["GATEWAY_PORT": "8000"],
            ["PORT": "4000", "CHANNEL_PORT": "4000"],
        ] {
            await #expect(throws: ConfigurationFailure.self) { try await self.plan(environment) }
        }
        // What is off takes nobody's port.
        plan = try await self.plan(["PORT": "3000", "GATEWAY_PORT": "3000", "GATEWAY": "off"])
        #expect(plan.notes.isEmpty && plan.server.listeners.map(\.port) == [3000, 3001, 8080, 9090])
    }

    private func plan(_ environment: [String: String]) async throws -> ServePlan {
        let environment = ["JWT_SECRET": "a secret of enough bytes for tests"].merging(environment) { $1 }
        return try await ServePlan(Settings(sources: [], file: nil, environment: environment), isDevelopment: false)
    }

    @Test("What --dev sets is weaker than what anybody says, and stronger than defaults")
    func development() async throws {
        let development: [(Setting, String)] = [(.host, "127.0.0.1"), (.relay, "open"), (.backendsMode, "dev")]
        let settings = Settings(sources: [], file: nil, environment: ["RELAY": "off"], development: development)
        #expect(settings.value(of: .host) == .init(text: "127.0.0.1", name: "HOST", source: "--dev"))
        #expect(settings.value(of: .relay).source == "environment")
        let plan = try await ServePlan(settings, isDevelopment: true)
        #expect(plan.server.host == "127.0.0.1" && plan.authority != nil)
        #expect(plan.server.backends.catalogue?.mode == .development)
    }

    @Test("Every setting has names of its own, and a default that is of its form")
    func catalogue() async throws {
        let names = Setting.all.flatMap(\.names)
        #expect(Set(names).count == names.count)
        let settings = try await Settings(flags: [], file: nil, environment: [:])
        for setting in Setting.all { try settings.check(setting) }
    }
}

/// A file that is gone when the test is.
final class TemporaryFile {
    let path: String

    init(_ contents: String) throws {
        self.path = NSTemporaryDirectory() + "parley-\(UUID().uuidString).yaml"
        try contents.write(toFile: self.path, atomically: true, encoding: .utf8)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
