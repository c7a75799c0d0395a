import Foundation
import Yams

/// A YAML configuration file: settings by their names, and `spaces`.
///
/// A setting may be written flat (`channel_idle_timeout: 5`) or nested (`channel: {idleTimeout: 5}`): the parts of the path,
/// joined with underscores, are its name. Unknown keys are refused.
struct ConfigurationFile {
    private(set) var values: [String: String] = [:]
    private(set) var spaces: [String: [String]] = [:]
    private(set) var backends = BackendsFile()

    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ConfigurationFailure(description: "The configuration file \(path) cannot be read.")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch {
            throw ConfigurationFailure(description: "\(path) is not YAML: \(error)")
        }
        guard let root, root.null == nil else { return }
        guard let mapping = root.mapping else {
            throw ConfigurationFailure(description: "\(path): expected a mapping of settings at the top.")
        }
        for (key, value) in mapping {
            if key.string == "spaces" {
                self.spaces = try Self.spaces(value, path: path)
            } else if key.string == "backends", let mapping = value.mapping {
                for (key, value) in mapping {
                    let name = key.string ?? ""
                    if BackendsFile.keys.contains(name) {
                        try self.backends.read(name, value, path: path)
                    } else {
                        try self.add(value, at: ["backends", name], path: path)
                    }
                }
            } else {
                try self.add(value, at: [key.string ?? ""], path: path)
            }
        }
    }

    private mutating func add(_ value: Node, at keys: [String], path: String) throws {
        if let mapping = value.mapping {
            for (key, value) in mapping { try self.add(value, at: keys + [key.string ?? ""], path: path) }
            return
        }
        let name = Self.name(of: keys)
        let known = Setting.all.flatMap(\.names)
        guard known.contains(name) else {
            // Compared as a whole, and by its first part, under which `spaces` stands.
            let candidates =
                known.map { ($0, EditDistance.between($0, name)) }
                + [("SPACES", EditDistance.between("SPACES", Self.name(of: [keys[0]])))]
            let nearest = candidates.min { $0.1 < $1.1 }?.0 ?? ""
            throw ConfigurationFailure(
                description:
                    "\(path): unknown key '\(keys.joined(separator: "."))'. Did you mean '\(nearest.lowercased())'?"
            )
        }
        // Scalars are taken as they are written: `off` stays a word, and leading zeros of a secret stay.
        if let scalar = value.scalar {
            if value.null == nil { self.values[name] = scalar.string }
        } else {
            self.values[name] = value.sequence?.compactMap(\.string).joined(separator: ",")
        }
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

    private static func spaces(_ value: Node, path: String) throws -> [String: [String]] {
        var spaces: [String: [String]] = [:]
        for (name, dialects) in value.mapping ?? [:] {
            guard let name = name.string, let list = dialects.sequence?.compactMap(\.string) else {
                spaces = [:]
                break
            }
            spaces[name] = list
        }
        guard !spaces.isEmpty else {
            throw ConfigurationFailure(
                description:
                    "\(path): spaces: expected a list of dialects under each name, such as 'lobby: [session-chat, relay]'."
            )
        }
        return spaces
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
