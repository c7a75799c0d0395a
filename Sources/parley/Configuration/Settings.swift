import Configuration
import Foundation
internal import ParleyBackendsHTTP
import ParleyModel
import ParleyText

/// A configuration that cannot be used: all that is wrong with it, each in a sentence that names key and source.
struct ConfigurationFailure: SpokenError {
    let mistakes: [String]

    init(description: String) { self.mistakes = [description] }

    init(mistakes: [String]) { self.mistakes = mistakes }

    var description: String { self.mistakes.joined(separator: "\n") }
}

/// Where values come from, the strongest first: flags, environment, `.env`, the configuration file, `--dev`, defaults.
struct Settings: Sendable {
    /// A value in force, and where it was found.
    struct Value: Sendable, Equatable {
        let text: String?
        /// The name under which it was found.
        let name: String
        let source: String

        /// Whether anybody asked for it.
        var isDefault: Bool { self.source == "default" }
    }

    private struct Layer: Sendable {
        let name: String
        let provider: any ConfigProvider

        init(_ name: String, _ values: [String: String]) {
            self.name = name
            let entries = values.map {
                (Settings.key($0.key), ConfigValue(.string(Settings.trimmed($0.value)), isSecret: false))
            }
            self.provider = InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: entries))
        }
    }

    /// The source of what `--dev` sets.
    static let development = "--dev"

    private let layers: [Layer]
    /// Secrets that stand in files, by the first name of their settings.
    private let secretFiles: [String: Value]
    /// Settings whose files cannot be used.
    private let unusableFiles: Set<String>
    /// Whether a source could not be read, and may have any of them.
    private let isIncomplete: Bool
    /// The configuration file, if one was named.
    let file: String?
    /// Dialects by the name of the space that the file puts them into.
    let spaces: [ExactString: [String]]
    /// Services and accounts of session backends, from the file.
    let backends: BackendsFile
    /// What was found under names of ours and left aside, in sentences.
    let notes: [String]
    /// What is wrong with the sources themselves.
    let mistakes: [String]
    /// Settings whose values were found wrong, and have their defaults from then on.
    private var unusable: Set<String> = []

    /// - Throws: ``ConfigurationFailure`` with everything that is wrong with the sources.
    init(
        flags: [(Setting, String?)],
        file: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws {
        self.init(sources: flags, file: file, environment: environment)
        if !self.mistakes.isEmpty { throw ConfigurationFailure(mistakes: self.mistakes) }
    }

    /// Reads what can be read; ``mistakes`` says what could not.
    ///
    /// - Parameters:
    ///   - flags: Values from the command line, by setting.
    ///   - file: The configuration file, if one is named.
    ///   - development: What `--dev` sets where nobody else does.
    init(
        sources flags: [(Setting, String?)],
        file: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        development: [(Setting, String)] = []
    ) {
        var mistakes: [String] = []
        var notes: [String] = []
        let flags = Dictionary(flags.compactMap { setting, value in value.map { (setting.name, $0) } }) { $1 }
        let dotEnv = Self.dotEnv(environment, &mistakes)
        let isDotEnvFaulty = !mistakes.isEmpty
        var layers = [
            Layer("command line", flags),
            Layer("environment", Self.ours(environment, "the environment", &notes)),
            Layer(".env", Self.ours(dotEnv, ".env", &notes)),
        ]
        let contents = file.map { ConfigurationFile(path: $0) }
        if let contents {
            mistakes += contents.mistakes
            layers.append(Layer(file ?? "", contents.values))
        }
        layers.append(Layer(Self.development, Dictionary(development.map { ($0.name, $1) }) { $1 }))
        self.layers = layers
        (self.secretFiles, self.unusableFiles) = SecretFiles.read({ name in Self.find(name, in: layers) }, &mistakes)
        self.isIncomplete = isDotEnvFaulty || contents?.isIncomplete == true
        self.file = file
        self.spaces = contents?.spaces ?? [:]
        self.backends = contents?.backends ?? BackendsFile()
        self.notes = notes
        self.mistakes = mistakes
    }

    /// Whether a setting that is missing may be missing because its source could not be read, which has been said.
    func mayBeHidden(_ setting: Setting) -> Bool { self.isIncomplete || self.unusableFiles.contains(setting.name) }

    private static func dotEnv(_ environment: [String: String], _ mistakes: inout [String]) -> [String: String] {
        let path = ".env"
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let bytes: [UInt8]
        do throws(FileContents.Unreadable) {
            bytes = try FileContents.read(path)
        } catch {
            mistakes.append("The file .env in the working directory cannot be read: \(error.reason).")
            return [:]
        }
        let contents = DotEnvFile(bytes, environment: environment)
        mistakes += contents.mistakes.map { ".env, line \($0.line): \(LogText.escaped($0.text, isQuoted: false))." }
        return contents.values
    }

    /// Without what is meant for others.
    private static func ours(_ values: [String: String], _ source: String, _ notes: inout [String]) -> [String: String]
    {
        var values = values
        for setting in Setting.all {
            for name in setting.names {
                guard let text = values[name].map(Self.trimmed), let reason = ForeignValue.reason(setting, name, text)
                else { continue }
                values[name] = nil
                let shown = LogText.escaped(text, isQuoted: false)
                notes.append("\(name) is '\(shown)' in \(source): that is \(reason). It is ignored.")
            }
        }
        return values
    }

    /// These settings have their defaults from now on: what depends on them can be looked at all the same.
    func replacing(_ settings: [Setting]) -> Settings {
        var copy = self
        copy.unusable.formUnion(settings.map(\.name))
        return copy
    }

    private static func key(_ name: String) -> AbsoluteConfigKey {
        AbsoluteConfigKey([name])
    }

    /// Without what files, `docker --env-file` and shells leave around a value: white space, line ends of other systems, a byte
    /// order mark.
    static func trimmed(_ text: String) -> String {
        String(text.trimming { $0.properties.isWhitespace || ["\u{FEFF}", "\u{200B}", "\0"].contains($0) })
    }

    /// What a layer has under a name. An empty value counts as none, as it does in compose files and shells.
    private static func text(_ name: String, in layer: Layer) -> String? {
        let result = try? layer.provider.value(forKey: Self.key(name), type: .string)
        guard case .string(let text)? = result?.value?.content, !text.isEmpty else { return nil }
        return text
    }

    private static func find(_ name: String, in layers: [Layer]) -> Value? {
        for layer in layers {
            if let text = Self.text(name, in: layer) { return Value(text: text, name: name, source: layer.name) }
        }
        return nil
    }

    /// The value in force.
    func value(of setting: Setting) -> Value {
        let isUnusable = self.unusable.contains(setting.name)
        if !isUnusable, let value = self.secretFiles[setting.names[0]] { return value }
        for layer in isUnusable ? [] : self.layers {
            for name in setting.names {
                guard let text = Self.text(name, in: layer) else { continue }
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
        guard let word = value.text?.lowercased() else { return false }
        if Self.yes.contains(word) { return true }
        if Self.no.contains(word) { return false }
        throw self.unusable(value, setting)
    }

    private static let yes = ["true", "t", "1", "yes", "y", "on"]
    private static let no = ["false", "f", "0", "no", "n", "off"]
    static let words = Self.yes + Self.no

    /// An address without the brackets that IPv6 has in URLs.
    func address(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        guard var text = value.text else { return nil }
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        guard HostName.isUsable(text) else { throw self.unusable(value, setting) }
        return text
    }

    func count(_ setting: Setting) throws(ConfigurationFailure) -> Int {
        let value = self.value(of: setting)
        guard case .count(let minimum, let maximum) = setting.form, let text = value.text, let number = Int(text),
            number >= minimum, number <= maximum
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

    /// The path of a URL.
    func path(_ setting: Setting) throws(ConfigurationFailure) -> String {
        let value = self.value(of: setting)
        guard let text = value.text, text.hasPrefix("/") else { throw self.unusable(value, setting) }
        return text
    }

    /// A URL of HTTP, or where the form allows it a path.
    func url(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        guard let text = value.text else { return nil }
        if case .url(orPath: true) = setting.form, text.hasPrefix("/"), text.utf8.allSatisfy({ 0x20 < $0 && $0 < 0x7F })
        {
            return text
        }
        do throws(HTTPURL.Mistake) {
            return try HTTPURL(text).text
        } catch {
            throw self.unusable(value, setting, error.expectation)
        }
    }

    /// A host and perhaps a port; where the form allows it several, separated by commas.
    func authority(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        guard let text = value.text else { return nil }
        let parts = setting.form == .authorities ? text.split(separator: ",").map { Self.trimmed(String($0)) } : [text]
        for part in parts where !part.isEmpty {
            do throws(HTTPURL.Mistake) {
                _ = try HostAndPort(part)
            } catch {
                throw self.unusable(value, setting, error.expectation)
            }
        }
        return text
    }

    /// Origins of pages, separated by commas.
    func origins(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        guard let text = value.text else { return nil }
        do throws(OriginList.Mistake) {
            try OriginList.check(setting: text, admitsHosts: setting.form == .origins(orHosts: true))
        } catch {
            throw self.unusable(value, setting, error.reason)
        }
        return text
    }

    /// A directory that is there to be read.
    func directory(_ setting: Setting) throws(ConfigurationFailure) -> String? {
        let value = self.value(of: setting)
        guard let path = value.text else { return nil }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue,
            access(path, R_OK | X_OK) == 0
        else {
            throw ConfigurationFailure(
                description: "\(value.name) is '\(LogText.escaped(path, isQuoted: false))', from \(value.place): "
                    + "expected a directory that is there and can be read."
            )
        }
        return path
    }

    /// A secret that goes into a header field, or comes out of one: nothing in it may end a line. What signs tokens may have any
    /// bytes.
    private func checkSecret(_ setting: Setting) throws(ConfigurationFailure) {
        let value = self.value(of: setting)
        guard setting.isSecret, setting.name != Setting.jwtSecret.name, let text = value.text,
            text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { return }
        throw ConfigurationFailure(
            description:
                "\(value.name), from \(value.place), has a line end or another control character in it: no request "
                + "can have that, so that nobody would be let in."
        )
    }

    /// Reads every setting in its own form, so that `check-config` finds what is wrong with any of them.
    func check(_ setting: Setting) throws(ConfigurationFailure) {
        switch setting.form {
        case .port: _ = try self.port(setting)
        case .seconds: _ = try self.seconds(setting)
        case .count: if self.value(of: setting).text != nil { _ = try self.count(setting) }
        case .toggle: _ = try self.toggle(setting)
        case .address: _ = try self.address(setting)
        case .path: _ = try self.path(setting)
        case .url: _ = try self.url(setting)
        case .authority, .authorities: _ = try self.authority(setting)
        case .origins: _ = try self.origins(setting)
        case .text, .choice:
            _ = try self.text(setting)
            try self.checkSecret(setting)
        }
    }

    /// - Parameter reason: What is wrong with this very value, where there is more to say than what was expected.
    private func unusable(_ value: Value, _ setting: Setting, _ reason: String? = nil) -> ConfigurationFailure {
        let detail = reason.map { " (here: \($0))" } ?? ""
        return ConfigurationFailure(
            description:
                "\(value.name) is \(setting.shown(value.text ?? "")), from \(value.place): "
                + "expected \(setting.form.expectation)\(detail)."
        )
    }
}

extension Settings.Value {
    /// The source as sentences have it.
    var place: String {
        switch self.source {
        case "command line", "environment": "the \(self.source)"
        case "default": "its default"
        default: self.source
        }
    }
}
