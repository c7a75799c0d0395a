/// A connection to the channel server.
///
/// ```swift
/// let client = try await ChannelServerClient.connect(to: "ws://localhost:8000/channels")
/// try await client.join("lobby")
/// for try await message in client.messages {
///     switch message {
///     case .joinSuccess: try await client.publish(json: #"{"hi":1}"#)
///     case .message(let senderID, let json): print(senderID, json)
///     default: break
///     }
/// }
/// ```
public struct ChannelServerClient: Sendable {
    private struct Join: Encodable {
        var type = "join"
        var channelId: String
    }

    /// The connection below, for pings of the protocol, closing and what it was closed with.
    public let connection: WebSocketClient

    /// - Parameter url: The endpoint, `ws://host:port/channels`; on a port of its own any path.
    public static func connect(
        to url: String,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration()
    ) async throws -> ChannelServerClient {
        ChannelServerClient(connection: try await WebSocketClient.connect(to: url, configuration: configuration))
    }

    /// Answers to what we sent, and what members of the channel publish.
    public var messages: TypedMessages<ChannelServerMessage> {
        TypedMessages(self.connection.messages) { try ChannelServerMessage($0) }
    }

    /// Moves to `channel`, 1 to 1024 bytes; ``ChannelServerMessage/joinSuccess`` says when it is done.
    public func join(_ channel: String) async throws {
        try await self.connection.send(text: JSONMessage.encode(Join(channelId: channel)))
    }

    /// Sends JSON to everybody in the channel.
    ///
    /// - Parameter json: Any JSON value. It arrives byte for byte as it is here, and is not checked.
    public func publish(json: String) async throws {
        try await self.connection.send(text: "{\"type\":\"publish\",\"data\":\(json)}")
    }

    /// Asks for a ``ChannelServerMessage/pong(json:)`` with the same data, to keep the connection from idling.
    public func ping(json: String? = nil) async throws {
        try await self.connection.send(text: json.map { "{\"type\":\"ping\",\"data\":\($0)}" } ?? "{\"type\":\"ping\"}")
    }
}
