import ArgumentParser
import Foundation
import NIOCore
import ParleyClient
import ParleyText
import WebSocketProtocol

/// `parley connect <url>`: a WebSocket client for the terminal and for scripts.
struct Connect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Talk to a WebSocket server from this terminal, or from a script.",
        discussion: """
            In a terminal each line that you type is sent as a message, and what the server sends is shown behind '<'. \
            /help lists the commands; Ctrl-C leaves.

              parley connect ws://localhost:8000/relay/hello
              parley connect 'ws://localhost:8000/ws?name=alice&room=lobby'
              parley connect -H 'Authorization: Bearer secret' wss://example.com/chat

            In a pipe each line of the input is one message, and each message that comes is written as one line; everything \
            else goes to stderr. After the last line the connection is closed with 1000 as soon as nothing has come for half \
            a second, or after --wait seconds.

              echo hello | parley connect ws://localhost:8000/relay
              parley connect -x '{"type":"ping"}' -w 1 ws://localhost:8000/channels
              parley connect -w inf ws://localhost:8000/relay/x </dev/null >log

            Exit status: 0 after a normal close, 1 when the connection is refused, lost, or closed with an error code.
            """
    )

    @Argument(help: "Where to: ws://host:port/path, or wss:// for TLS.")
    var url: String

    @Option(name: [.customShort("H"), .long], help: "A header field for the handshake, 'Name: value'. Repeatable.")
    var header: [String] = []

    @Option(name: .shortAndLong, help: "A subprotocol to offer. Repeatable, in order of preference.")
    var subprotocol: [String] = []

    @Flag(help: "Send lines as binary messages.")
    var binary = false

    @Flag(help: "Show binary messages in hexadecimal.")
    var hex = false

    @Option(help: ArgumentHelp("Send a ping this often, and give up when one is not answered.", valueName: "seconds"))
    var ping: Double?

    @Option(
        name: [.customShort("x"), .long],
        help: ArgumentHelp("Send this instead of reading input. Repeatable.", valueName: "text")
    )
    var execute: [String] = []

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Leave this long after the last line was sent; 'inf': when the server closes.",
            valueName: "seconds"
        )
    )
    var wait: Double?

    @Flag(name: .customLong("no-compression"), help: "Do not offer compression.")
    var noCompression = false

    @Option(help: ArgumentHelp("Trust the certificate authorities in this PEM file, and no others.", valueName: "file"))
    var ca: String?

    @Flag(name: [.customShort("k"), .long], help: "Trust any certificate. For tests only.")
    var insecure = false

    @Flag(name: .shortAndLong, help: "Write messages only: no notices.")
    var quiet = false

    func validate() throws {
        for header in self.header where !header.contains(":") {
            throw ValidationError("expected --header 'Name: value', got '\(header)'")
        }
        if let ping = self.ping, !(0.001...86_400).contains(ping) {
            throw ValidationError("--ping is a number of seconds up to 86400, got \(ping)")
        }
        if let wait = self.wait, wait != .infinity, !(0...86_400).contains(wait) {
            throw ValidationError("--wait is a number of seconds up to 86400, or inf, got \(wait)")
        }
        if self.ca != nil, self.insecure { throw ValidationError("--ca and --insecure contradict each other") }
    }

    func run() async throws {
        let isInteractive = self.execute.isEmpty && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
        let client: WebSocketClient
        do {
            client = try await WebSocketClient.connect(to: self.url, configuration: self.clientConfiguration)
        } catch let error as WebSocketClientError {
            Self.report(error)
            throw ExitCode.failure
        }
        let isNormal: Bool
        if isInteractive {
            isNormal = try await InteractiveSession(client, options: self).run()
        } else {
            isNormal = try await PipedSession(client, options: self).run()
        }
        if !isNormal { throw ExitCode.failure }
    }

    private var clientConfiguration: WebSocketClientConfiguration {
        var configuration = WebSocketClientConfiguration()
        configuration.headers = self.header.map { line in
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            return .init(String(parts[0]), String(parts[1].trimmingOptionalWhiteSpace))
        }
        configuration.subprotocols = self.subprotocol
        if self.noCompression { configuration.compression = nil }
        if let ca = self.ca { configuration.certificateVerification = .authorities(file: ca) }
        if self.insecure { configuration.certificateVerification = .insecure }
        return configuration
    }

    private static func report(_ error: WebSocketClientError) {
        guard let refusal = error.refusal else { return StandardError.line("parley connect: \(error)") }
        StandardError.line("HTTP \(refusal.status) \(refusal.reasonPhrase)")
        if let location = refusal.header("Location") { StandardError.line("Location: \(location)") }
        let body = String(refusal.body.trimmingWhiteSpace)
        if !body.isEmpty { StandardError.line(TerminalText.printable(body)) }
    }

    /// Sends a line in a message of the kind that was asked for.
    func send(_ line: String, to client: WebSocketClient) async throws {
        if self.binary {
            try await client.send(binary: ByteBuffer(string: line))
        } else {
            try await client.send(text: line)
        }
    }

    /// Pings until one is not answered.
    /// - Throws: ``WebSocketClientError``.
    func keepAlive(_ client: WebSocketClient) async throws {
        guard let ping = self.ping else { return }
        while true {
            try await Task.sleep(for: .seconds(ping))
            _ = try await client.ping()
        }
    }
}

extension WebSocketClient {
    /// Whether the connection ended as connections should: by us, or with 1000, or with a close frame without a code.
    var isNormallyClosed: Bool {
        self.isClosedByUs || self.closeCode?.rawValue == 1000 || self.closeCode?.rawValue == 1005
    }

    /// `closed with 1008: Room is full`.
    var closing: String {
        let reason = self.closeReason ?? ""
        return
            "closed with \(self.closeCode?.rawValue ?? 1006)\(reason.isEmpty ? "" : ": \(TerminalText.printable(reason))")"
    }
}
