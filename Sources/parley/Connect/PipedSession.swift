import Foundation
import NIOCore
import ParleyClient
import ParleyText
import Synchronization

/// A conversation without a terminal: lines in, messages out.
struct PipedSession {
    private enum Event {
        case inputEnded
        case connectionEnded
    }

    /// How long nothing has to come after the last line was sent.
    static let silence = Duration.milliseconds(500)

    private let client: WebSocketClient
    private let options: Connect
    private let lastActivity = LastActivity()

    init(_ client: WebSocketClient, options: Connect) {
        self.client = client
        self.options = options
    }

    /// - Returns: Whether the connection ended normally.
    func run() async throws -> Bool {
        self.notice("connected to \(self.options.url.prefix { $0 != "?" })")
        do {
            try await self.converse()
        } catch let error as WebSocketClientError where error.code == .timedOut {
            StandardError.line("parley connect: \(error)")
            return false
        } catch is WebSocketClientError {
            // The end says more than what could not be sent because of it.
            try? await self.client.close()
        }
        if self.client.isNormallyClosed {
            self.notice(self.client.closing)
        } else {
            StandardError.line("parley connect: \(self.client.closing)")
        }
        return self.client.isNormallyClosed
    }

    private func converse() async throws {
        try await withThrowingTaskGroup(of: Event?.self) { group in
            group.addTask {
                for try await message in self.client.messages {
                    self.write(message)
                    self.lastActivity.note()
                }
                return .connectionEnded
            }
            group.addTask {
                try await self.sendInput()
                return .inputEnded
            }
            group.addTask {
                try await self.options.keepAlive(self.client)
                return nil
            }
            defer { group.cancelAll() }
            while let event = try await group.next() {
                switch event {
                case .connectionEnded: return
                case .inputEnded:
                    group.addTask {
                        try await self.waitForAnswers()
                        try await self.client.close()
                        return nil
                    }
                case nil: break
                }
            }
        }
    }

    private func sendInput() async throws {
        guard self.options.execute.isEmpty else {
            for text in self.options.execute { try await self.options.send(text, to: self.client) }
            return self.lastActivity.note()
        }
        let input = StandardInput()
        var splitter = LineSplitter()
        while let bytes = await input.read() {
            for line in splitter.split(bytes) { try await self.options.send(line, to: self.client) }
        }
        if let line = splitter.finish() { try await self.options.send(line, to: self.client) }
        self.lastActivity.note()
    }

    private func waitForAnswers() async throws {
        switch self.options.wait {
        case .infinity?:
            try await Task.sleep(for: .seconds(10 * 365 * 86_400))
        case let seconds?:
            try await Task.sleep(for: .seconds(seconds))
        case nil:
            while true {
                let end = self.lastActivity.time + Self.silence
                if ContinuousClock.now >= end { return }
                try await Task.sleep(until: end, clock: .continuous)
            }
        }
    }

    private func write(_ message: WebSocketMessage) {
        switch message {
        case .text(let text): StandardOutput.line(text)
        case .binary(let bytes) where self.options.hex: StandardOutput.line(Hexadecimal.encode(bytes.readableBytesView))
        case .binary(let bytes):
            StandardOutput.write(Array(bytes.readableBytesView) + [UInt8(ascii: "\n")])
        }
    }

    private func notice(_ text: String) {
        if !self.options.quiet { StandardError.line(text) }
    }
}

/// When something was last sent or received.
private final class LastActivity: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var time: ContinuousClock.Instant { self.instant.withLock { $0 } }

    func note() {
        self.instant.withLock { $0 = .now }
    }
}
