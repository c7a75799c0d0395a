import Foundation
import ParleyGateway
import ParleyServer
import Testing

@testable import parley

@Suite struct SecretFilesTests {
    private static let secret = "0123456789abcdef0123456789abcdef"

    @Test(
        "What surrounds a secret is not part of it, wherever it comes from",
        arguments: ["", "\n", "\r\n", " \t\n\n"],
        ["", " ", "\u{FEFF}", "\n"]
    )
    func trimmed(end: String, start: String) async throws {
        let text = start + Self.secret + end
        let given = try await Settings(flags: [], file: nil, environment: ["JWT_SECRET": text])
        #expect(try given.text(.jwtSecret) == Self.secret)
        let file = try TemporaryFile(text)
        let mounted = try await Settings(flags: [], file: nil, environment: ["JWT_SECRET_FILE": file.path])
        #expect(try mounted.text(.jwtSecret) == Self.secret)
        #expect(mounted.value(of: .jwtSecret).name == "JWT_SECRET_FILE")
    }

    @Test("Every secret may stand in a file", arguments: Setting.all.filter(\.isSecret).map(\.names))
    func every(names: [String]) async throws {
        let file = try TemporaryFile("in a file\n")
        let setting = try #require(Setting.all.first { $0.names == names })
        for name in names {
            let settings = try await Settings(flags: [], file: nil, environment: [name + "_FILE": file.path])
            #expect(try settings.text(setting) == "in a file")
        }
        let yaml = try TemporaryFile("\(names[0].lowercased())_file: \(file.path)\n")
        #expect(try await Settings(flags: [], file: yaml.path, environment: [:]).text(setting) == "in a file")
    }

    @Test("A prefixed name wins over the bare one")
    func prefixed() async throws {
        let (bare, prefixed) = (try TemporaryFile("bare"), try TemporaryFile("prefixed"))
        let environment = ["JWT_SECRET_FILE": bare.path, "SESSION_CHAT_JWT_SECRET_FILE": prefixed.path]
        #expect(try await Settings(flags: [], file: nil, environment: environment).text(.jwtSecret) == "prefixed")
    }

    @Test("A secret and a file for it are one too many", arguments: ["JWT_SECRET", "SESSION_CHAT_JWT_SECRET"])
    func both(name: String) async throws {
        let file = try TemporaryFile(Self.secret)
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await Settings(flags: [], file: nil, environment: [name: Self.secret, "JWT_SECRET_FILE": file.path])
        }
        for word in [name + " (", "JWT_SECRET_FILE (", "both"] { #expect(failure?.description.contains(word) == true) }
        #expect(failure?.description.contains(Self.secret) == false)
    }

    @Test("A file that gives no secret is named, with what was expected")
    func unusable() async throws {
        let (empty, large) = (try TemporaryFile(" \n"), try TemporaryFile(String(repeating: "x", count: 65_537)))
        for (path, reason) in [("/nowhere/at/all", "No such file"), (empty.path, "empty"), (large.path, "65536 bytes")]
        {
            let failure = await #expect(throws: ConfigurationFailure.self) {
                try await Settings(flags: [], file: nil, environment: ["AI_API_KEY_FILE": path])
            }
            for word in ["AI_API_KEY_FILE", path, reason] { #expect(failure?.description.contains(word) == true) }
        }
    }

    @Test(
        "A secret that can be guessed is refused, but for trying things",
        arguments: [
            ("q", true), ("fifteen bytes !", true), ("sixteen bytes !!", false),
            ("\u{1F600}\u{1F600}\u{1F600}\u{1F600}", false),
        ]
    )
    func short(secret: String, isRefused: Bool) async throws {
        let settings = try await Settings(flags: [], file: nil, environment: ["JWT_SECRET": secret])
        let failure = await Self.failure(settings)
        #expect((failure != nil) == isRefused)
        if let failure {
            for word in ["JWT_SECRET", "16", "--dev", "\(secret.utf8.count) byte"] { #expect(failure.contains(word)) }
            #expect(!failure.contains(secret))
        }
        #expect(try await ServePlan(settings, isDevelopment: true).authority != nil)
    }

    @Test("One that is shorter than its hash is warned of", arguments: [(16, 1), (31, 1), (32, 0), (100, 0)])
    func warned(length: Int, warnings: Int) async throws {
        let secret = String(repeating: "s", count: length)
        let settings = try await Settings(flags: [], file: nil, environment: ["JWT_SECRET": secret])
        #expect(try await ServePlan(settings, isDevelopment: false).warnings.count == warnings)
    }

    private static func failure(_ settings: Settings) async -> String? {
        do {
            _ = try await ServePlan(settings, isDevelopment: false)
            return nil
        } catch {
            return "\(error)"
        }
    }
}

@Suite struct DevelopmentPlanTests {
    @Test("What development opens to others is said", arguments: [nil, "127.0.0.1", "0.0.0.0"] as [String?])
    func host(given: String?) async throws {
        let settings = try await Settings(flags: [(.host, given)], file: nil, environment: [:])
        let plan = try await ServePlan(settings, isDevelopment: true)
        #expect(plan.server.admitsLocalOrigins && plan.server.gateway.admitsLocalOrigins)
        #expect(plan.server.gateway.opensDocumentation)
        #expect(plan.warnings.contains { $0.contains("HOST") } == (given == "0.0.0.0"))
    }

    @Test("Outside of it nothing of that holds")
    func production() async throws {
        let settings = try await Settings(flags: [], file: nil, environment: ["SESSION_CHAT": "off"])
        let plan = try await ServePlan(settings, isDevelopment: false)
        #expect(plan.server.host == nil)
        #expect(!plan.server.admitsLocalOrigins && !plan.server.gateway.admitsLocalOrigins)
        #expect(!plan.server.gateway.opensDocumentation && plan.warnings.isEmpty)
    }

    @Test("Any origin without cookies is said, with the setting", arguments: ["CORS_ORIGIN", "GATEWAY_CORS_ORIGIN"])
    func anyOrigin(name: String) async throws {
        let settings = try await Settings(flags: [], file: nil, environment: ["SESSION_CHAT": "off", name: "*"])
        let warnings = try await ServePlan(settings, isDevelopment: false).warnings
        #expect(warnings.count == 1 && warnings[0].hasPrefix("\(name)=*"))
    }
}
