internal import ParleyBackendsHTTP
import ParleyModel
import Yams

/// A YAML configuration file: settings by their names, and `spaces`.
///
/// A setting may be written flat (`channel_idle_timeout: 5`) or nested (`channel: {idleTimeout: 5}`): the parts of the path,
/// joined with underscores, are its name. Unknown keys are refused.
struct ConfigurationFile {
    private(set) var values: [String: String] = [:]
    private(set) var spaces: [ExactString: [String]] = [:]
    private(set) var backends = BackendsFile()
    /// What is wrong with it, in sentences that say where.
    private(set) var mistakes: [String] = []
    /// Whether there may be settings in it that were not found.
    private(set) var isIncomplete = false
    /// Under which key each setting stands, and in which line.
    private var places: [Set<String>: (key: String, line: Int?)] = [:]

    init(path: String) {
        let bytes: [UInt8]
        do throws(FileContents.Unreadable) {
            bytes = try FileContents.read(path)
        } catch {
            self.isIncomplete = true
            self.mistakes = ["The configuration file \(path) cannot be read: \(error.reason)."]
            return
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            self.isIncomplete = true
            self.mistakes = ["\(path) is not UTF-8 text: save the file as UTF-8."]
            return
        }
        do {
            // Editors of Windows put a byte order mark before the first key.
            let hasMark = text.unicodeScalars.first == "\u{FEFF}"
            let root = try ExactYAML.compose(hasMark ? String(text.unicodeScalars.dropFirst()) : text)
            self.read(root, path: path)
        } catch {
            self.isIncomplete = true
            self.mistakes.append("\(path)\(Self.sentence(error)).")
        }
    }

    private mutating func read(_ root: Node?, path: String) {
        guard let root, root.null == nil else { return }
        guard let mapping = root.mapping else {
            self.isIncomplete = true
            self.mistakes.append("\(path): expected a mapping of settings at the top.")
            return
        }
        for (key, value) in mapping {
            if key.string == "spaces" {
                self.readSpaces(value, path: path)
            } else if key.string == "backends", let mapping = value.mapping {
                for (key, value) in mapping {
                    let name = key.string ?? ""
                    if BackendsFile.keys.contains(name) {
                        self.readBackends(name, value, path: path)
                    } else {
                        self.add(value, at: ["backends", name], line: key.mark?.line, path: path)
                    }
                }
            } else {
                self.add(value, at: [key.string ?? ""], line: key.mark?.line, path: path)
            }
        }
    }

    /// What is wrong with text that is no YAML.
    private static func sentence(_ error: any Error) -> String {
        if let error = error as? ExactYAML.RepeatedKey {
            return ", line \(error.line): '\(LogText.escaped(error.key, isQuoted: false))' stands there twice"
        }
        return switch error as? YamlError {
        case .composer(_, "but found another document", let mark, _)?:
            ", line \(mark.line): another document begins here (---): expected one, as there is one configuration"
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            ", line \(mark.line): this is not YAML: \(LogText.escaped(problem, isQuoted: false))"
        case .duplicatedKeysInMapping(let keys, let context)?:
            ", line \(context.mark.line): \(keys.map { "'\(LogText.escaped(ExactYAML.decoded($0.description), isQuoted: false))'" }.joined(separator: ", ")) stands there twice"
        default: " is not YAML: \(LogText.escaped(ExactYAML.decoded("\(error)"), isQuoted: false))"
        }
    }

    private mutating func readBackends(_ name: String, _ value: Node, path: String) {
        do {
            try self.backends.read(name, value, path: path)
        } catch let failure as ConfigurationFailure {
            self.mistakes += failure.mistakes
        } catch {
            self.mistakes.append("\(path): backends.\(name): \(error)")
        }
    }

    private mutating func add(_ value: Node, at keys: [String], line: Int?, path: String) {
        if let mapping = value.mapping {
            for (key, value) in mapping {
                self.add(value, at: keys + [key.string ?? ""], line: key.mark?.line, path: path)
            }
            return
        }
        let name = Self.name(of: keys)
        guard Setting.all.contains(where: { ($0.names + $0.fileNames).contains(name) }) else {
            let key = LogText.escaped(keys.joined(separator: "."), isQuoted: false)
            let hint = Suggestion.nearest(to: name, whoseFirstPartIs: Self.name(of: [keys[0]])).map {
                "Did you mean '\($0.lowercased())'?"
            }
            self.mistakes.append(
                "\(path)\(line.map { ", line \($0)" } ?? ""): unknown key '\(key)'. "
                    + (hint ?? "`parley check-config` lists the names that there are.")
            )
            return
        }
        guard self.isFirst(name, keys, line: line, path: path) else { return }
        // Scalars are taken as they are written: `off` stays a word, and leading zeros of a secret stay.
        if let scalar = value.scalar {
            if value.null == nil { self.values[name] = scalar.string }
        } else {
            self.values[name] = value.sequence?.compactMap(\.string).joined(separator: ",")
        }
    }

    /// Whether a setting has not been there before, under another of its spellings or names.
    private mutating func isFirst(_ name: String, _ keys: [String], line: Int?, path: String) -> Bool {
        // A name that several settings have is a default for all of them, and the name of none.
        let settings = Set(Setting.all.filter { ($0.names + $0.fileNames).contains(name) }.map(\.name))
        let kind: Set<String> = name.hasSuffix(SecretFiles.suffix) ? settings.union([SecretFiles.suffix]) : settings
        let key = keys.joined(separator: ".")
        guard let other = self.places.updateValue((key, line), forKey: kind) else { return true }
        let shown = [key, other.key].map { "'\(LogText.escaped($0, isQuoted: false))'" }
        self.mistakes.append(
            "\(path)\(line.map { ", line \($0)" } ?? ""): \(shown[0]) is the setting that "
                + "\(shown[1])\(other.line.map { " in line \($0)" } ?? "") is: take one of them out."
        )
        return false
    }

    /// `channel.idleTimeout` and `channel_idle_timeout` are both `CHANNEL_IDLE_TIMEOUT`.
    private static func name(of keys: [String]) -> String {
        keys.map { key in
            var name = ""
            var isLowercaseLast = false
            for character in key {
                if character.isUppercase, isLowercaseLast { name += "_" }
                isLowercaseLast = character.isLowercase
                name += character == "-" ? "_" : character.uppercased()
            }
            return name
        }.joined(separator: "_")
    }

    private mutating func readSpaces(_ value: Node, path: String) {
        var spaces: [ExactString: [String]] = [:]
        for (name, dialects) in value.mapping ?? [:] {
            guard let name = name.string, let list = dialects.sequence?.compactMap(\.string) else {
                spaces = [:]
                break
            }
            spaces[ExactString(name)] = list
        }
        if spaces.isEmpty {
            self.mistakes.append(
                "\(path): spaces: expected a list of dialects under each name, such as 'lobby: [session-chat, relay]'."
            )
        }
        self.spaces = spaces
    }
}

/// What somebody may have meant who wrote a name that there is not.
enum Suggestion {
    /// What stands before names so that they do not collide with those of others, and is easily left out.
    private static let prefixes = [
        "PARLEY_", "SESSION_CHAT_", "DISPOSABLE_CHAT_", "CHANNEL_", "GATEWAY_", "BACKENDS_", "RELAY_",
    ]

    /// - Parameter first: The first part of the name, if it has several: `spaces` stands there.
    /// - Returns: The nearest name; `nil` when none is near.
    static func nearest(to name: String, whoseFirstPartIs first: String? = nil) -> String? {
        var candidates: [(name: String, distance: Int)] = []
        for known in Setting.all.flatMap(\.names) {
            // Twice the distance, so that among equals the name that needs no prefix is nearer.
            candidates.append((known, 2 * EditDistance.between(self.plain(known), self.plain(name))))
            for prefix in self.prefixes where known.hasPrefix(prefix) {
                let rest = String(known.dropFirst(prefix.count))
                candidates.append((known, 2 * EditDistance.between(self.plain(rest), self.plain(name)) + 1))
            }
        }
        for part in Set([name, first ?? name]) {
            candidates.append(("SPACES", 2 * EditDistance.between("spaces", self.plain(part))))
        }
        guard let nearest = candidates.min(by: { $0.distance < $1.distance }),
            nearest.distance <= 2 * max(2, name.count / 3) + 1
        else { return nil }
        return nearest.name
    }

    private static func plain(_ name: String) -> String {
        String(name.lowercased().filter { $0 != "_" && $0 != "-" && $0 != "." })
    }
}

/// How many characters have to be put in, taken out or changed to make one word of another (Levenshtein).
enum EditDistance {
    static func between(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let changed = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, diagonal + 1, row[j] + 1)
            }
        }
        return row[right.count]
    }
}
