public import NIOCore

/// A subscriber of a relay topic, who may publish to it as well.
///
/// ```swift
/// let client = try await RelayClient.connect(to: "ws://localhost:8000/relay", topic: "prices", echo: false)
/// try await client.send(text: "EUR 1.08")
/// ```
public struct RelayClient: Sendable {
    /// The connection below, for pings, closing and what it was closed with.
    public let connection: WebSocketClient

    /// - Parameters:
    ///   - url: The endpoint, `ws://host:port/relay`.
    ///   - topic: 1 to 256 bytes; `nil`: the server sends everything back to us alone.
    ///   - echo: Whether we receive what we send ourselves.
    ///   - token: A session token for the topic, where the relay asks for one.
    /// - Throws: ``WebSocketClientError``; `refused` with 403 when the relay is off and 401 for a token that is not valid.
    public static func connect(
        to url: String,
        topic: String?,
        echo: Bool = true,
        token: String? = nil,
        configuration: WebSocketClientConfiguration = WebSocketClientConfiguration()
    ) async throws -> RelayClient {
        var url = try WebSocketURL(url)
        if let topic { url = url.appending(pathSegment: topic) }
        if !echo { url = url.appending(query: "echo", "false") }
        if let token { url = url.appending(query: "token", token) }
        return RelayClient(connection: try await WebSocketClient.connect(to: url, configuration: configuration))
    }

    /// What is published to the topic, verbatim.
    public var messages: WebSocketClient.Messages { self.connection.messages }

    public func send(text: String) async throws {
        try await self.connection.send(text: text)
    }

    public func send(binary bytes: ByteBuffer) async throws {
        try await self.connection.send(binary: bytes)
    }
}
