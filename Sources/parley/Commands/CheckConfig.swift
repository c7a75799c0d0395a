import ArgumentParser
internal import ParleyBackendsHTTP
import ParleyModel
import ParleyServer

struct CheckConfig: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Print the settings in force and where each comes from; secrets are masked.",
        discussion: "Takes the flags of `serve`. Exit status 1 when `serve` would refuse to start with them."
    )

    @Flag(help: "As serve --dev would have it.")
    var dev = false

    @OptionGroup var options: ServerOptions

    func run() async throws {
        let settings = self.options.settings(isDevelopment: self.dev)
        var rows = Setting.all.map { self.row($0, settings) }
        for (space, dialects) in settings.spaces.sorted(by: { $0.key < $1.key }) {
            let texts = ["spaces.\(space)", dialects.joined(separator: ", "), self.options.config ?? ""]
                .map { LogText.escaped($0, isQuoted: false) }
            rows.append((texts[0], texts[1], texts[2]))
        }
        let nameWidth = rows.map(\.name.count).max() ?? 0
        let valueWidth = min(40, rows.map(\.value.count).max() ?? 0)
        for row in rows {
            let name = row.name + String(repeating: " ", count: nameWidth - row.name.count)
            let value = row.value + String(repeating: " ", count: max(0, valueWidth - row.value.count))
            StandardOutput.line("\(name)  \(value)  \(row.source)")
        }
        do {
            let plan = try await ServePlan(settings, isDevelopment: self.dev)
            for note in plan.notes + plan.warnings { StandardError.sentence(note) }
        } catch let failure as ConfigurationFailure {
            for note in settings.notes { StandardError.sentence(note) }
            throw failure.reported()
        }
    }

    private func row(_ setting: Setting, _ settings: Settings) -> (name: String, value: String, source: String) {
        let value = settings.value(of: setting)
        if let text = value.text {
            let shown: String
            switch setting.form {
            case _ where setting.isSecret: shown = "********"
            case .url: shown = HTTPURL.shown(text)
            default: shown = LogText.withoutCredentials(text)
            }
            return (value.name, LogText.escaped(shown, isQuoted: false), LogText.escaped(value.source, isQuoted: false))
        }
        guard self.dev, let made = Self.development(setting) else { return (value.name, "(unset)", value.source) }
        return (value.name, made, "--dev")
    }

    /// What `--dev` makes when it starts.
    private static func development(_ setting: Setting) -> String? {
        switch setting.name {
        case Setting.jwtSecret.name: "(made for each run)"
        case Setting.backendsCommand.name: BackendsConfiguration.exampleProgram
        default: nil
        }
    }
}

extension ConfigurationFailure {
    /// Says each mistake on stderr.
    /// - Returns: The status to end with.
    func reported() -> ExitCode {
        for mistake in self.mistakes { StandardError.sentence(mistake) }
        return .startFailure
    }
}
