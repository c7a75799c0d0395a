/// A client in a disposable room.
///
/// ```swift
/// let zoe = try await DisposableChatClient.connect(to: "ws://localhost:8000/ws", name: "Zoë", room: "lobby")
/// try await zoe.say("Hello!")
/// for try await message in zoe.messages {
///     if case .chat(let client, let text) = message { print("[\(client.name)]: \(text)") }
/// }
/// ```
public struct DisposableChatClient: Sendable {
    private struct Line: Encodable {
        var text: String
    }

    /// The connection below, for pings, closing and what it was closed with.
    public let connection: WebSocketClient

    /// - Parameters:
    ///   - url: The endpoint, `ws://host:port/ws`.
    ///   - name: 3 to 30 UTF-16 units; need not be unique.
    ///   - room: 3 to 30 letters, digits, `-` and `_`.
    /// - Throws: ``WebSocketClientError``; `refused` with status 400 for a name or room that may not be.
    public static func connect(
        to url: String,
        name: String,
        room: String,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration()
    ) async throws -> DisposableChatClient {
        let url = try WebSocketURL(url).appending(query: "name", name).appending(query: "room", room)
        return DisposableChatClient(
            connection: try await WebSocketClient.connect(to: url, configuration: configuration)
        )
    }

    /// What happens in the room: ``DisposableChatMessage/welcome(_:)`` first, then our own registration.
    public var messages: TypedMessages<DisposableChatMessage> {
        TypedMessages(self.connection.messages) {
            try JSONMessage.decode(DisposableChatMessage.self, from: $0, of: "disposable chat")
        }
    }

    /// Says `text`, 1 to 300 UTF-16 units; anything else is answered with ``DisposableChatMessage/error(_:)``.
    public func say(_ text: String) async throws {
        try await self.connection.send(text: JSONMessage.encode(Line(text: text)))
    }
}
