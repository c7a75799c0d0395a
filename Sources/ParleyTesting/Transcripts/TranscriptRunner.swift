internal import NIOCore
public import ParleyClient
internal import ParleyText
internal import WebSocketProtocol

/// Runs transcripts against a server.
///
/// ```swift
/// let runner = TranscriptRunner(baseURL: "ws://127.0.0.1:8000") { user, room in … }
/// try await runner.run(Transcript(contentsOf: "Tests/Transcripts/relay/echo.txt"))
/// ```
public struct TranscriptRunner: Sendable {
    /// Scheme, host and port; the paths of the transcripts are put behind it.
    public var baseURL: String
    /// How the clients connect, and how long handshakes, pings and closes may take.
    public var configuration = WebSocketClientConfiguration()
    /// How long each expected message or close may take to come.
    public var timeout = Duration.seconds(5)
    private let token: @Sendable (_ user: String, _ room: String) async throws -> String

    /// - Parameter token: Makes what `{{token user room}}` stands for. It is put into the URL as it is.
    public init(
        baseURL: String,
        token: @escaping @Sendable (_ user: String, _ room: String) async throws -> String
    ) {
        self.baseURL = baseURL
        self.token = token
    }

    /// Runs one transcript to its end, or to the first step that goes otherwise.
    /// - Throws: ``TranscriptFailure``.
    public func run(_ transcript: Transcript) async throws {
        var run = TranscriptRun(runner: self)
        do {
            for step in transcript.steps {
                try await Self.locating(transcript.file, step.line) { try await run.perform(step) }
            }
            try await Self.locating(transcript.file, transcript.steps.last?.line ?? 1) { try await run.expectSilence() }
        } catch {
            await run.closeAll()
            throw error
        }
        await run.closeAll()
    }

    /// Makes a failure at this line of every error.
    private static func locating(
        _ file: String,
        _ line: Int,
        _ body: () async throws -> Void
    ) async throws(TranscriptFailure) {
        do {
            try await body()
        } catch {
            throw TranscriptFailure(file: file, line: line, message: "\(error)")
        }
    }

    fileprivate func makeToken(_ user: String, _ room: String) async throws -> String {
        try await self.token(user, room)
    }
}

/// `expected …, got …`.
private struct Mismatch: Error, CustomStringConvertible {
    var description: String

    init(expected: String, got: String) {
        self.description = "expected \(expected), got \(got)"
    }
}

/// What the steps of one transcript share.
private struct TranscriptRun {
    private enum Received {
        case message(WebSocketMessage)
        /// Or an end without a close frame; the client has code and reason.
        case end
        case nothing
    }

    let runner: TranscriptRunner
    private var clients: [String: WebSocketClient] = [:]
    private var captures: [String: String] = [:]

    init(runner: TranscriptRunner) {
        self.runner = runner
    }

    mutating func perform(_ step: Transcript.Step) async throws {
        switch step.action {
        case .connect(let request):
            guard self.clients[step.client] == nil else {
                throw Mismatch(expected: "a client that is not connected", got: "\(step.client), which is")
            }
            self.clients[step.client] = try await self.connect(request)
        case .refused(let status, let request):
            try await self.expectRefusal(status, request)
        case .send(let pattern):
            try await self.client(step).send(text: pattern.expand(self.captures, token: self.runner.makeToken))
        case .sendBinary(let bytes):
            try await self.client(step).send(binary: ByteBuffer(bytes: bytes))
        case .expect(let pattern):
            let received = try await self.receive(step)
            guard case .message(.text(let text)) = received, pattern.matches(text, &self.captures) else {
                throw Mismatch(expected: pattern.description, got: try self.describe(received, step))
            }
        case .expectBinary(let bytes):
            let received = try await self.receive(step)
            guard case .message(.binary(ByteBuffer(bytes: bytes))) = received else {
                throw Mismatch(expected: "binary \(Hexadecimal.encode(bytes))", got: try self.describe(received, step))
            }
        case .silent:
            try await self.expectSilence(of: step.client)
        case .closed(let code, let reason):
            try await self.expectClose(code, reason, step)
        case .close(let code, let reason):
            try await self.expectSilence(of: step.client)
            let client = try self.client(step)
            try await client.close(code: WebSocketCloseCode(rawValue: code), reason: reason)
            self.clients[step.client] = nil
            guard client.closeCode?.rawValue == code else {
                throw Mismatch(expected: "an answer to the close frame", got: client.closing)
            }
        }
    }

    /// Nobody who is connected has received anything that was not expected.
    func expectSilence() async throws {
        for name in self.clients.keys.sorted() { try await self.expectSilence(of: name) }
    }

    func closeAll() async {
        for client in self.clients.values { try? await client.close() }
    }

    private func client(_ step: Transcript.Step) throws -> WebSocketClient {
        guard let client = self.clients[step.client] else {
            throw Mismatch(expected: "'\(step.client): connect /path' before", got: "none")
        }
        return client
    }

    private func connect(_ request: Transcript.Request) async throws -> WebSocketClient {
        var configuration = self.runner.configuration
        if let header = request.header {
            let parts = header.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
            configuration.headers.append(.init(String(parts[0]), String(value)))
        }
        let target = try await request.target.expand(self.captures, token: self.runner.makeToken)
        return try await WebSocketClient.connect(to: self.runner.baseURL + target, configuration: configuration)
    }

    private func expectRefusal(_ status: Int, _ request: Transcript.Request) async throws {
        do {
            let client = try await self.connect(request)
            try await client.close()
        } catch let error as WebSocketClientError where error.code == .refused {
            guard error.refusal?.status == status else {
                throw Mismatch(expected: "status \(status)", got: error.message)
            }
            return
        }
        throw Mismatch(expected: "status \(status)", got: "status 101 and a connection")
    }

    private func expectClose(_ code: UInt16, _ reason: String, _ step: Transcript.Step) async throws {
        let received = try await self.receive(step)
        let client = try self.client(step)
        guard case .end = received, client.closeCode?.rawValue == code, client.closeReason == reason else {
            throw Mismatch(expected: "a close with \(code) '\(reason)'", got: try self.describe(received, step))
        }
    }

    /// The server answers in order, so what it had sent before the pong is here when the pong is.
    private func expectSilence(of name: String) async throws {
        guard let client = self.clients[name], client.closeCode == nil else { return }
        _ = try await client.ping()
        if let message = client.pollMessage() {
            throw Mismatch(expected: "\(name) to receive no more", got: message.description)
        }
    }

    private func receive(_ step: Transcript.Step) async throws -> Received {
        let client = try self.client(step)
        let timeout = self.runner.timeout
        return try await withThrowingTaskGroup(of: Received.self) { group in
            group.addTask {
                do {
                    return try await client.messages.makeAsyncIterator().next().map { .message($0) } ?? .end
                } catch is WebSocketClientError {
                    return .end
                }
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return .nothing
            }
            defer { group.cancelAll() }
            return try await group.next() ?? .nothing
        }
    }

    private func describe(_ received: Received, _ step: Transcript.Step) throws -> String {
        switch received {
        case .message(let message): message.description
        case .end: try self.client(step).closing
        case .nothing: "nothing within \(self.runner.timeout)"
        }
    }
}

extension WebSocketMessage {
    fileprivate var description: String {
        switch self {
        case .text(let text): text
        case .binary(let bytes): "binary \(Hexadecimal.encode(bytes.readableBytesView))"
        }
    }
}

extension WebSocketClient {
    fileprivate var closing: String { "a close with \(self.closeCode?.rawValue ?? 0) '\(self.closeReason ?? "")'" }
}
