import Foundation

/// What was typed at the prompt of earlier connections: `${XDG_STATE_HOME:-~/.local/state}/parley/connect_history`, one line
/// each. For its owner only, since lines may hold secrets. When it cannot be read or written, there is no history.
enum HistoryFile {
    static func load() -> LineHistory {
        let text = (try? String(contentsOf: self.url, encoding: .utf8)) ?? ""
        return LineHistory(lines: text.split(separator: "\n").map(String.init))
    }

    static func save(_ history: LineHistory) {
        let directory = self.url.deletingLastPathComponent()
        try? FileManager.default.createDirectory(
            at: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let text = history.lines.map { "\($0)\n" }.joined()
        guard (try? Data(text.utf8).write(to: self.url, options: .atomic)) != nil else { return }
        try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: self.url.path)
    }

    private static var url: URL {
        let setting = ProcessInfo.processInfo.environment["XDG_STATE_HOME"] ?? ""
        let state =
            setting.hasPrefix("/")
            ? URL(filePath: setting) : FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/state")
        return state.appending(path: "parley/connect_history")
    }
}
