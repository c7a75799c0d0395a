import Configuration
import Foundation
import SystemPackage

/// A configuration that cannot be used, in sentences that name key and source.
struct ConfigurationFailure: Error, CustomStringConvertible {
    let description: String
}

/// Where values come from, the strongest first: flags, environment, `.env`, the configuration file, defaults.
struct Settings: Sendable {
    /// A value in force, and where it was found.
    struct Value: Sendable, Equatable {
        let text: String?
        /// The name under which it was found.
        let name: String
        let source: String
    }

    private struct Layer: Sendable {
        let name: String
        let provider: any ConfigProvider
        /// Whether values may stand in quotes, as is usual in `.env` files.
        var isQuoted = false
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, let quote = text.first, quote == "\"" || quote == "'", text.last == quote else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }

    private let layers: [Layer]
    /// The configuration file, if one was named.
    let file: String?
    /// Dialects by the name of the space that the file puts them into.
    let spaces: [String: [String]]
    /// Services and accounts of session backends, from the file.
    let backends: BackendsFile

    /// - Parameters:
    ///   - flags: Values from the command line, by setting.
    ///   - file: The configuration file, if one is named.
    init(
        flags: [(Setting, String?)],
        file: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for (setting, value) in flags {
            if let value { values[Self.key(setting.name)] = ConfigValue(.string(value), isSecret: setting.isSecret) }
        }
        var layers = [
            Layer(name: "command line", provider: InMemoryProvider(name: "flags", values: values)),
            Layer(name: "environment", provider: EnvironmentVariablesProvider(environmentVariables: environment)),
        ]
        do {
            let dotEnv = try await EnvironmentVariablesProvider(environmentFilePath: ".env", allowMissing: true)
            layers.append(Layer(name: ".env", provider: dotEnv, isQuoted: true))
        } catch {
            throw ConfigurationFailure(description: "The file .env in the working directory cannot be read: \(error)")
        }
        var spaces: [String: [String]] = [:]
        var backends = BackendsFile()
        if let file {
            let contents = try ConfigurationFile(path: file)
            var values: [AbsoluteConfigKey: ConfigValue] = [:]
            for (name, value) in contents.values {
                values[Self.key(name)] = ConfigValue(.string(value), isSecret: false)
            }
            layers.append(Layer(name: file, provider: InMemoryProvider(name: "file", values: values)))
            spaces = contents.spaces
            backends = contents.backends
        }
        self.layers = layers
        self.file = file
        self.spaces = spaces
        self.backends = backends
    }

    private static func key(_ name: String) -> AbsoluteConfigKey {
        AbsoluteConfigKey([name.lowercased()])
    }

    /// The value in force. An empty one counts as unset, as it does in compose files and shells.
    func value(of setting: Setting) -> Value {
        for layer in self.layers {
            for name in setting.names {
                let result = try? layer.provider.value(forKey: Self.key(name), type: .string)
                guard case .string(let found)? = result?.value?.content else { continue }
                let text = layer.isQuoted ? Self.unquoted(found) : found
                guard !text.isEmpty else { continue }
                return Value(text: text, name: name, source: layer.name)
            }
        }
        return Value(text: setting.defaultText, name: setting.name, source: "default")
    }
}

// MARK: Typed values

extension Settings {
    func text(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        if case .choice(let words) = setting.form, let text = value.text {
            guard let word = words.first(where: { $0 == text.lowercased() }) else {
                throw self.unusable(value, setting)
            }
            return word
        }
        return value.text
    }

    func word(_ setting: Setting) throws(ConfigurationFailure) -> String {
        try self.text(setting) ?? ""
    }

    func toggle(_ setting: Setting) throws(ConfigurationFailure) -> Bool {
        let value = self.value(of: setting)
        switch value.text?.lowercased() {
        case "true", "t", "1", "yes", "y", "on": return true
        case "false", "f", "0", "no", "n", "off", nil: return false
        default: throw self.unusable(value, setting)
        }
    }

    func count(_ setting: Setting) throws(ConfigurationFailure) -> Int {
        let value = self.value(of: setting)
        guard case .count(let minimum) = setting.form, let text = value.text, let number = Int(text), number >= minimum,
            number <= 1 << 40
        else { throw self.unusable(value, setting) }
        return number
    }

    func seconds(_ setting: Setting) throws(ConfigurationFailure) -> Double {
        let value = self.value(of: setting)
        guard case .seconds(let minimum) = setting.form, let text = value.text, let number = Double(text),
            number >= minimum,
            number <= 1e9
        else { throw self.unusable(value, setting) }
        return number
    }

    /// - Returns: `nil` when the listener is off.
    func port(_ setting: Setting) throws(ConfigurationFailure) -> Int? {
        let value = self.value(of: setting)
        if value.text?.lowercased() == "off" { return nil }
        guard let text = value.text, let number = Int(text), (0...65535).contains(number) else {
            throw self.unusable(value, setting)
        }
        return number
    }

    /// Reads every setting in its own form, so that `check-config` finds what is wrong with any of them.
    func check(_ setting: Setting) throws(ConfigurationFailure) {
        switch setting.form {
        case .port: _ = try self.port(setting)
        case .seconds: _ = try self.seconds(setting)
        case .count: if self.value(of: setting).text != nil { _ = try self.count(setting) }
        case .toggle: _ = try self.toggle(setting)
        case .text, .choice: _ = try self.text(setting)
        }
    }

    private func unusable(_ value: Value, _ setting: Setting) -> ConfigurationFailure {
        let shown = setting.isSecret ? "(secret)" : "'\(value.text ?? "")'"
        return ConfigurationFailure(
            description: "\(value.name) is \(shown), from the \(value.source): expected \(setting.form.expectation)."
        )
    }
}
