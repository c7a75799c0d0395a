import Foundation
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
            ("PARLEY_EVENT_LOOPS", "0"), ("RELAY", "maybe"), ("CHANNEL_ECHO", "2"), ("DUPLICATE_USER", "any"),
        ]
    )
    func wrong(name: String, value: String) async throws {
        let settings = try await Settings(flags: [], file: nil, environment: [name: value, "JWT_SECRET": "s"])
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
            (["CHANNEL_PATH": "x"], ["CHANNEL_PATH", "'x'"]),
        ]
    )
    func conflicts(environment: [String: String], words: [String]) async throws {
        let settings = try await Settings(
            flags: [],
            file: nil,
            environment: ["JWT_SECRET": "s"].merging(environment) { $1 }
        )
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await ServePlan(settings, isDevelopment: false)
        }
        for word in words { #expect(failure?.description.contains(word) == true) }
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
