internal import NIOCore

/// The messages of a connection in the words of its dialect.
///
/// Throws what ``WebSocketClient/messages`` throws, and ``WebSocketClientError`` with `unexpectedMessage` for a message that
/// is none of the dialect; the next one can be had after that.
public struct TypedMessages<Element: Sendable>: AsyncSequence, Sendable {
    private let messages: WebSocketClient.Messages
    private let parse: @Sendable (WebSocketMessage) throws -> Element

    init(_ messages: WebSocketClient.Messages, parse: @escaping @Sendable (WebSocketMessage) throws -> Element) {
        self.messages = messages
        self.parse = parse
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(messages: self.messages.makeAsyncIterator(), parse: self.parse)
    }

    public struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        fileprivate let messages: WebSocketClient.Messages.AsyncIterator
        fileprivate let parse: @Sendable (WebSocketMessage) throws -> Element

        public func next() async throws -> Element? {
            guard let message = try await self.messages.next() else { return nil }
            return try self.parse(message)
        }
    }
}

extension WebSocketMessage {
    /// The text of the message.
    /// - Throws: ``WebSocketClientError`` with `unexpectedMessage` for a binary one.
    func text(of dialect: String) throws -> String {
        switch self {
        case .text(let text): return text
        case .binary(let bytes):
            throw WebSocketClientError(
                .unexpectedMessage,
                "expected a text message of \(dialect), got \(bytes.readableBytes) binary bytes"
            )
        }
    }
}
