internal import EngineIO

/// What an application may decide or be told about requests, before there is a socket.
public struct SocketIOHooks: Sendable {
    /// Asked for each new session, over either transport. What it throws is the refusal: a ``RequestRefused`` in its own words.
    public var allowRequest: (@Sendable (ConnectionRequest) async throws -> Void)?
    /// Run in order for each HTTP request; one that throws has it refused with code 3.
    public var requestMiddlewares: [@Sendable (ConnectionRequest) async throws -> Void] = []
    /// Makes the ids of sessions instead of the server: unguessable, unique, `A-Za-z0-9_-`. What it throws is code 3.
    public var makeSessionID: (@Sendable (ConnectionRequest) async throws -> String)?
    /// Fields added to the first answer of a session.
    public var initialHeaders: (@Sendable (ConnectionRequest) -> [(name: String, value: String)])?
    /// Fields added to every answer.
    public var headers: (@Sendable (ConnectionRequest) -> [(name: String, value: String)])?
    /// Told of every request that was refused.
    public var connectionError: (@Sendable (ConnectionError) -> Void)?

    public init() {}
}

/// Thrown by ``SocketIOHooks/allowRequest`` to refuse a session.
public struct RequestRefused: Error, Sendable {
    /// What the client is told.
    public let message: String

    public init(_ message: String = "Forbidden") {
        self.message = message
    }
}

/// A refused request, for the operator's eyes.
public struct ConnectionError: Error, Sendable {
    /// 0 to 5, as the client is told.
    public let code: Int
    public let message: String
    /// What the client is not told: which check failed, by what.
    public let context: String
    public let request: ConnectionRequest
}
