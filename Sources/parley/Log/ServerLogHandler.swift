import Foundation
import Logging
import NIOCore
import ParleyServer
import Synchronization

/// Structured logs: `2026-01-31T12:00:00.000Z info message key=value`, or one JSON object a line.
struct ServerLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let output: LogOutput

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var facts = self.metadata
        if let own = event.metadata { facts.merge(own) { $1 } }
        if let error = event.error { facts["error"] = "\(error)" }
        self.output.log(
            LogLine(time: Clock.wallTime(), level: event.level, message: "\(event.message)", facts: facts),
            from: .init(file: event.file, line: event.line)
        )
    }
}

/// Where the lines of all loggers go.
final class LogOutput: Sendable {
    private let writer: LineWriter
    private let format: LogLine.Format
    private let throttle = Mutex(LogThrottle())

    init(_ writer: LineWriter, format: LogLine.Format) {
        self.writer = writer
        self.format = format
    }

    var counts: LogCounts {
        LogCounts(dropped: self.writer.droppedCount, suppressed: self.throttle.withLock { $0.suppressedCount })
    }

    /// Of what is asked for in order to see everything, `debug` and below, nothing is suppressed.
    func log(_ line: LogLine, from place: LogThrottle.Place) {
        guard line.level > .debug else { return self.writer.write(line.rendered(as: self.format)) }
        switch self.throttle.withLock({ $0.admit(place, now: .now()) }) {
        case .write: self.writer.write(line.rendered(as: self.format))
        case .suppress: break
        case .suppressAndReport(let time):
            let delay = Double((time - .now()).nanoseconds) / 1e9
            DispatchQueue.global().asyncAfter(deadline: .now() + delay + 0.01) { self.report(line, from: place) }
        }
    }

    private func report(_ line: LogLine, from place: LogThrottle.Place) {
        let count = self.throttle.withLock { $0.expired(place, now: .now()) }
        guard count > 0 else { return }
        var line = line
        line.time = Clock.wallTime()
        line.message = "More lines like this were left out: \(line.message)"
        line.facts = ["suppressed": .stringConvertible(count)]
        self.writer.write(line.rendered(as: self.format))
    }
}

/// What `serve` says: its log on stderr, and on stdout the lines that say where it listens.
struct ServerVoice: Sendable {
    let logger: Logger
    let log: LogOutput
    private let stdout = LineWriter(descriptor: STDOUT_FILENO)
    private let stderr: LineWriter

    /// As the settings want it.
    init(_ settings: Settings) throws {
        let isDebug = try settings.toggle(.logDebug) || settings.toggle(.debug)
        let level = try Logger.Level(rawValue: settings.word(.logLevel)) ?? .info
        let format = try LogLine.Format(rawValue: settings.word(.logFormat)) ?? .text
        self.stderr = LineWriter(descriptor: STDERR_FILENO) { count in
            LogLine(
                time: Clock.wallTime(),
                level: .warning,
                message: "Log lines are missing here: stderr did not take them",
                facts: ["lines": .stringConvertible(count)]
            ).rendered(as: format)
        }
        let output = LogOutput(self.stderr, format: format)
        self.log = output
        self.logger = Logger(label: "parley") { _ in
            ServerLogHandler(logLevel: isDebug ? min(level, .debug) : level, output: output)
        }
    }

    func line(_ text: String) { self.stdout.write(text) }

    /// Ends the process, and lets what was said go out first.
    func exit(_ code: Int32, within seconds: Double = 1) -> Never {
        self.stdout.flush(within: seconds)
        self.stderr.flush(within: seconds)
        Foundation.exit(code)
    }
}
