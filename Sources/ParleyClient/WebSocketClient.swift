public import NIOCore
internal import ParleyModel
public import WebSocketProtocol

/// A WebSocket connection to a server (RFC 6455), compressed if the server agrees (RFC 7692).
///
/// ```swift
/// let client = try await WebSocketClient.connect(to: "ws://localhost:8000/relay/lobby")
/// try await client.send(text: "hello")
/// for try await message in client.messages {
///     print(message)
/// }
/// print(client.closeCode, client.closeReason)
/// ```
///
/// Pings of the server are answered by themselves. One-shot: when the connection has ended, make another one. It may be
/// used from any number of tasks. When the last reference to it goes, the connection is closed with 1001.
public final class WebSocketClient: Sendable {
    /// The subprotocol that the server picked, if any.
    public let subprotocol: String?
    /// What was agreed on for compression; `nil`: nothing is compressed.
    public let compression: PerMessageDeflate?

    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    private let inbox: Inbox
    private let ending: EndingBox

    init(channel: any Channel, handler: ClientHandler, agreement: ClientHandshake.Agreement) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        self.inbox = handler.inbox
        self.ending = handler.ending
        self.subprotocol = agreement.subprotocol
        self.compression = agreement.compression
    }

    deinit {
        let handler = self.handler
        self.channel.eventLoop.execute { handler.value.close(.goingAway, reason: "") }
    }

    /// The messages of the server, in order.
    ///
    /// They end when a close frame ended the connection, whatever its code, and throw ``WebSocketClientError`` with
    /// `connectionLost` or `protocolViolation` when something else did. Iteration may be left and taken up again; each
    /// message goes to one iterator only. While nobody iterates, messages wait; beyond
    /// ``WebSocketClientConfiguration/maximumWaitingBytes`` the client stops reading, and then it sees no pong and no close
    /// frame either.
    public var messages: Messages { Messages(client: self) }

    /// The next message that has arrived and that nobody has read; `nil` when there is none at this moment.
    package func pollMessage() -> WebSocketMessage? { self.inbox.poll() }

    /// The code that the connection was closed with; `nil` while it is open.
    ///
    /// 1005 when the close frame had none, 1006 when there was no close frame (RFC 6455 §7.1.5).
    public var closeCode: WebSocketCloseCode? { self.ending.value?.code }

    /// The reason beside ``closeCode``, which may be empty; `nil` while the connection is open.
    public var closeReason: String? { self.ending.value?.reason }

    /// Whether the close frame that ended the connection was ours, and the server answered it.
    package var isClosedByUs: Bool { self.ending.value?.isOurs ?? false }

    /// Sends a text message. Returns when the operating system has taken it, so that a fast sender waits for a slow network.
    ///
    /// - Throws: ``WebSocketClientError`` with `closed`.
    public func send(text: String) async throws {
        try await self.send(.text, ByteBuffer(string: text))
    }

    /// Sends a binary message; otherwise as ``send(text:)``.
    public func send(binary bytes: ByteBuffer) async throws {
        try await self.send(.binary, bytes)
    }

    /// Sends a ping, and waits for the pong.
    ///
    /// - Returns: The time from one to the other.
    /// - Throws: ``WebSocketClientError`` with `timedOut` after ``WebSocketClientConfiguration/pingTimeout``, or `closed`.
    public func ping() async throws -> Duration {
        let promise = self.channel.eventLoop.makePromise(of: Duration.self)
        self.onLoop { $0.sendPing(promise: promise) }
        return try await promise.futureResult.get()
    }

    /// Closes the connection: sends a close frame, and returns when the server has answered it, or
    /// ``WebSocketClientConfiguration/closeTimeout`` is over. Messages that come meanwhile are dropped. Does nothing but
    /// wait when the connection is being closed already.
    ///
    /// - Parameters:
    ///   - code: 1000, or one that the application defined, 3000–4999.
    ///   - reason: At most 123 bytes of UTF-8.
    /// - Throws: ``WebSocketClientError`` with `invalidArgument` for a code or a reason that cannot be sent.
    public func close(code: WebSocketCloseCode = .normal, reason: String = "") async throws {
        guard code.isAllowedOnTheWire else {
            throw WebSocketClientError(.invalidArgument, "close code \(code.rawValue) must not be sent (RFC 6455 §7.4)")
        }
        guard reason.utf8.count <= WebSocketFrame.maximumCloseReasonBytes else {
            let limit = WebSocketFrame.maximumCloseReasonBytes
            throw WebSocketClientError(
                .invalidArgument,
                "a close reason has at most \(limit) bytes, got \(reason.utf8.count)"
            )
        }
        self.onLoop { $0.close(code, reason: reason) }
        try? await self.channel.closeFuture.get()
    }

    private func send(_ kind: WebSocketMessageKind, _ payload: ByteBuffer) async throws {
        let promise = self.channel.eventLoop.makePromise(of: Void.self)
        self.onLoop { $0.send(kind, payload, promise: promise) }
        do {
            try await promise.futureResult.get()
        } catch let error as WebSocketClientError {
            throw error
        } catch {
            throw WebSocketClientError(
                .closed,
                "the connection ended while sending: \(ErrorText.of(error))",
                underlyingError: error
            )
        }
    }

    private func onLoop(_ body: @escaping @Sendable (ClientHandler) -> Void) {
        let handler = self.handler
        self.channel.eventLoop.execute { body(handler.value) }
    }

    /// The messages of a ``WebSocketClient``; see ``WebSocketClient/messages``.
    public struct Messages: AsyncSequence, Sendable {
        public typealias Element = WebSocketMessage

        let client: WebSocketClient

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: self.client) }

        public struct AsyncIterator: AsyncIteratorProtocol, Sendable {
            let client: WebSocketClient

            /// - Throws: ``WebSocketClientError``, or `CancellationError` when the task was cancelled, which leaves the
            ///   connection as it is.
            public func next() async throws -> WebSocketMessage? { try await self.client.inbox.next() }
        }
    }
}
