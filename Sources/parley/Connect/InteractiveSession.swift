import Foundation
import NIOCore
import ParleyClient
import ParleyText
import WebSocketProtocol

/// A conversation in a terminal: a prompt, and what comes above it.
struct InteractiveSession {
    private let client: WebSocketClient
    private let options: Connect
    private let screen: Screen

    init(_ client: WebSocketClient, options: Connect) {
        self.client = client
        self.options = options
        self.screen = Screen(history: HistoryFile.load())
    }

    /// - Returns: Whether the connection ended normally.
    func run() async throws -> Bool {
        self.screen.begin()
        self.notice("connected to \(self.options.url.prefix { $0 != "?" }): /help lists commands, Ctrl-C leaves")
        do {
            try await self.converse()
        } catch let error as WebSocketClientError where error.code == .timedOut {
            self.screen.print("! \(error)")
            self.screen.end()
            return false
        } catch is WebSocketClientError {
            try? await self.client.close()
        }
        if self.client.isNormallyClosed {
            self.notice(self.client.closing)
        } else {
            self.screen.print("! \(self.client.closing)")
        }
        self.screen.end()
        return self.client.isNormallyClosed
    }

    /// Returns when either side has had enough.
    private func converse() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for try await message in self.client.messages { self.show(message) }
                return true
            }
            group.addTask {
                try await self.readKeys()
                try await self.client.close()
                return true
            }
            group.addTask {
                try await self.options.keepAlive(self.client)
                return false
            }
            defer { group.cancelAll() }
            while let isOver = try await group.next(), !isOver {}
        }
    }

    /// Returns when the user wants to leave.
    private func readKeys() async throws {
        let input = StandardInput()
        var parser = KeyParser()
        while let bytes = await input.read() {
            for key in parser.parse(bytes) {
                switch self.screen.press(key) {
                case .none: break
                case .leave: return
                case .submit(let line):
                    HistoryFile.save(self.screen.history)
                    guard try await self.perform(ConnectInput(line)) else { return }
                }
            }
        }
    }

    /// - Returns: False to leave.
    private func perform(_ input: ConnectInput) async throws -> Bool {
        switch input {
        case .message(""): break
        case .message(let text): try await self.options.send(text, to: self.client)
        case .binary(let bytes): try await self.client.send(binary: ByteBuffer(bytes: bytes))
        case .ping: try await self.ping()
        case .close(let code, let reason):
            do {
                try await self.client.close(code: WebSocketCloseCode(rawValue: code), reason: reason)
            } catch let error as WebSocketClientError where error.code == .invalidArgument {
                self.screen.print("! \(error)")
            }
        case .help: self.screen.print(ConnectInput.helpText)
        case .unusable(let reason): self.screen.print("! \(TerminalText.printable(reason))")
        case .quit: return false
        }
        return true
    }

    private func ping() async throws {
        do {
            let roundTrip = try await self.client.ping()
            let time = roundTrip.formatted(.units(allowed: [.milliseconds, .microseconds], width: .narrow))
            self.screen.print("* pong after \(time)")
        } catch let error as WebSocketClientError where error.code == .timedOut {
            self.screen.print("! \(error)")
        }
    }

    private func show(_ message: WebSocketMessage) {
        switch message {
        case .text(let text): self.screen.print("< \(TerminalText.printable(text))")
        case .binary(let bytes):
            let content =
                self.options.hex
                ? Hexadecimal.encode(bytes.readableBytesView) : TerminalText.printable(String(buffer: bytes))
            self.screen.print("< (\(bytes.readableBytes) bytes) \(content)")
        }
    }

    private func notice(_ text: String) {
        if !self.options.quiet { self.screen.print("* \(text)") }
    }
}
