import Foundation

/// Secrets that stand in files: `JWT_SECRET_FILE` names one, as containers and systemd mount them, where `JWT_SECRET` would be it.
enum SecretFiles {
    static let suffix = "_FILE"
    /// More than any secret has.
    static let maximumBytes = 64 * 1024

    /// Reads the files that are named.
    /// - Parameter find: What stands under a name, and where: the strongest source of settings that has it.
    /// - Returns: Values by the first name of their settings, and the settings whose files cannot be used.
    /// - Parameter mistakes: Gets sentences that name the setting and the file, never what is in it.
    static func read(
        _ find: (String) -> Settings.Value?,
        _ mistakes: inout [String]
    ) -> (values: [String: Settings.Value], unusable: Set<String>) {
        var values: [String: Settings.Value] = [:]
        var unusable: Set<String> = []
        for setting in Setting.all where setting.isSecret {
            // A prefixed name wins over the bare one, as everywhere.
            guard let file = setting.fileNames.compactMap(find).first, let path = file.text else { continue }
            if let value = setting.names.compactMap(find).first {
                mistakes.append(
                    "\(value.name) (\(value.source)) and \(file.name) (\(file.source)) are both set: take one of them out."
                )
                continue
            }
            do throws(FileContents.Unreadable) {
                values[setting.names[0]] = Settings.Value(
                    text: try Self.contents(of: path),
                    name: file.name,
                    source: path
                )
            } catch {
                unusable.insert(setting.name)
                mistakes.append(
                    "\(file.name) is '\(LogText.escaped(path, isQuoted: false))', from \(file.place): \(error.reason). "
                        + "Expected a file with the secret and nothing else."
                )
            }
        }
        return (values, unusable)
    }

    /// What is in a file, without what editors, `echo` and mounts put around it.
    static func contents(of path: String) throws(FileContents.Unreadable) -> String {
        let bytes = try FileContents.read(path)
        guard bytes.count <= Self.maximumBytes else {
            throw FileContents.Unreadable(reason: "it has more than \(Self.maximumBytes) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileContents.Unreadable(reason: "it is not UTF-8")
        }
        let secret = Settings.trimmed(text)
        guard !secret.isEmpty else { throw FileContents.Unreadable(reason: "it is empty") }
        return secret
    }
}
