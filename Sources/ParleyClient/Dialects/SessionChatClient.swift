/// A member of a session chat room.
///
/// ```swift
/// let alice = try await SessionChatClient.connect(to: "ws://localhost:8000", token: token)
/// try await alice.say("Hello!")
/// for try await room in alice.snapshots {
///     print(room.connectedUsers, room.messages.last?.text ?? "")
/// }
/// ```
public struct SessionChatClient: Sendable {
    /// The connection below, for pings, closing and what it was closed with: 1008 `Duplicate user`, for instance.
    public let connection: WebSocketClient

    /// - Parameters:
    ///   - url: The server, `ws://host:port`.
    ///   - token: A session token for one room, from the issuing API or signed by a backend of one's own.
    /// - Throws: ``WebSocketClientError``; `refused` with status 401 for a token that is not valid.
    public static func connect(
        to url: String,
        token: String,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration()
    ) async throws -> SessionChatClient {
        let url = try WebSocketURL(url).appending(query: "token", token)
        return SessionChatClient(connection: try await WebSocketClient.connect(to: url, configuration: configuration))
    }

    /// The room after each change, beginning with our own arrival. A slow reader may miss some, never the last.
    public var snapshots: TypedMessages<SessionChatSnapshot> {
        TypedMessages(self.connection.messages) {
            try JSONMessage.decode(SessionChatSnapshot.self, from: $0, of: "session chat")
        }
    }

    /// Says `text`, as it is; the snapshot that has it is the only acknowledgement. More than 1000 UTF-16 units are dropped
    /// by the server in silence.
    public func say(_ text: String) async throws {
        try await self.connection.send(text: text)
    }
}

/// A room of session chat, complete:
/// `{"messages":[{"userId":"alice","msg":"Hello!","ts":"2024-01-01T12:00:00.000Z"}],"connectedUsers":["alice","bob"]}`.
public struct SessionChatSnapshot: Sendable, Equatable, Decodable {
    public struct Message: Sendable, Equatable, Decodable {
        public var userID: String
        public var text: String
        /// When the server received it: UTC, ISO 8601 with three fractional digits.
        public var timestamp: String

        private enum CodingKeys: String, CodingKey {
            case userID = "userId"
            case text = "msg"
            case timestamp = "ts"
        }
    }

    /// Oldest first.
    public var messages: [Message]
    /// In the order in which they came.
    public var connectedUsers: [String]
}
