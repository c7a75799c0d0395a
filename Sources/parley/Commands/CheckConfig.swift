import ArgumentParser

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
        do {
            let settings = try await self.options.settings()
            let rows = Setting.all.map { setting in
                let value = settings.value(of: setting)
                let shown = setting.isSecret && value.text != nil ? "********" : value.text ?? "(unset)"
                return (name: value.name, value: shown, source: value.source)
            }
            let nameWidth = rows.map(\.name.count).max() ?? 0
            let valueWidth = min(40, rows.map(\.value.count).max() ?? 0)
            for row in rows {
                let name = row.name + String(repeating: " ", count: nameWidth - row.name.count)
                let value = row.value + String(repeating: " ", count: max(0, valueWidth - row.value.count))
                StandardOutput.line("\(name)  \(value)  \(row.source)")
            }
            for (space, dialects) in settings.spaces.sorted(by: { $0.key < $1.key }) {
                StandardOutput.line(
                    "spaces.\(space)  \(dialects.joined(separator: ", "))  \(self.options.config ?? "")"
                )
            }
            _ = try await ServePlan(settings, isDevelopment: self.dev)
        } catch let failure as ConfigurationFailure {
            StandardError.line("parley: \(failure)")
            throw ExitCode.startFailure
        }
    }
}
