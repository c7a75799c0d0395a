public import Logging
internal import NIOCore

/// An Engine.IO server: sessions that carry messages over long-polling or WebSocket, without Socket.IO on top.
public final class EngineIOServer: Sendable {
    public let configuration: SocketIOConfiguration
    package let logger: Logger
    private let onSession: @Sendable (EngineIOSession) -> Void

    /// - Parameters:
    ///   - configuration: What concerns Socket.IO in it means nothing here.
    ///   - onSession: Called with each new session, on its event loop.
    public init(
        _ configuration: SocketIOConfiguration,
        logger: Logger = Logger(label: "engine.io"),
        onSession: @escaping @Sendable (EngineIOSession) -> Void
    ) {
        self.configuration = configuration
        self.logger = logger
        self.onSession = onSession
    }
}

extension EngineIOServer: EngineApplication {
    package func attach(_ site: Site) {}

    package func makeUser(of connection: EngineConnection) -> any EngineUser {
        EngineIOSessionUser(EngineIOSession(connection), self.onSession)
    }
}
