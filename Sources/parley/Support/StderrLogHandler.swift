import Foundation
import Logging
import NIOCore
import ParleyModel

/// Structured logs on stderr: `2026-01-31T12:00:00.000Z info message key=value`, or one JSON object a line.
struct StderrLogHandler: LogHandler {
    enum Format: String { case text, json }

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let format: Format

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.write(event.level, "\(event.message)", event.metadata)
    }

    private func write(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata?) {
        let facts = self.metadata.merging(metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = Clock.wallTime().iso8601
        switch self.format {
        case .text:
            let pairs = facts.map { " \($0.key)=\($0.value)" }.joined()
            StandardError.line("\(time) \(level) \(message)\(pairs)")
        case .json:
            var line = ByteBuffer(string: "{\"time\":\"\(time)\",\"level\":\"\(level)\",\"message\":")
            line.writeJSONString(message)
            for fact in facts {
                line.writeString(",")
                line.writeJSONString(fact.key)
                line.writeString(":")
                line.writeJSONString("\(fact.value)")
            }
            line.writeString("}")
            StandardError.line(String(buffer: line))
        }
    }
}

extension Logger {
    /// The process's logger, as its settings want it.
    static func configured(by settings: Settings) throws -> Logger {
        let isDebug = try settings.toggle(.logDebug) || settings.toggle(.debug)
        let level = try Logger.Level(rawValue: settings.word(.logLevel)) ?? .info
        let format = try StderrLogHandler.Format(rawValue: settings.word(.logFormat)) ?? .text
        return Logger(label: "parley") { _ in
            StderrLogHandler(logLevel: isDebug ? min(level, .debug) : level, format: format)
        }
    }
}
