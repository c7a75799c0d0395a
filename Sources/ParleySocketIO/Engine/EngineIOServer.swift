public import EngineIO
public import Logging
public import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// An Engine.IO server: sessions that carry messages over long-polling or WebSocket, without Socket.IO on top.
public final class EngineIOServer: Sendable {
    /// What it is hosted as; its namespaces are never asked.
    package let host: SocketIOServer

    /// - Parameters:
    ///   - configuration: What concerns Socket.IO in it means nothing here.
    ///   - onSession: Called with each new session, on its event loop.
    public init(
        _ configuration: SocketIOConfiguration,
        logger: Logger = Logger(label: "engine.io"),
        onSession: @escaping @Sendable (EngineIOSession) -> Void
    ) {
        self.host = SocketIOServer(configuration, space: nil, logger: logger, onSession: onSession)
    }
}

/// One Engine.IO session. May be used from anywhere.
public final class EngineIOSession: Sendable {
    public enum Message: Sendable, Equatable {
        case text(ByteBuffer)
        case binary(ByteBuffer)
    }

    private struct State {
        var message: (@Sendable (Message) -> Void)?
        var close: (@Sendable (EngineCloseReason) -> Void)?
    }

    public let id: String
    public let request: ConnectionRequest
    private let host: EngineHost
    private let hubID: ConnectionID
    private let connection: NIOLoopBound<EngineConnection>
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(_ connection: EngineConnection) {
        self.id = connection.sessionID
        self.request = connection.request
        self.host = connection.host
        self.hubID = connection.id
        self.eventLoop = connection.shard.eventLoop
        self.connection = NIOLoopBound(connection, eventLoop: connection.shard.eventLoop)
    }

    /// Calls `handler` with every message, on the session's event loop; it must not block.
    public func onMessage(_ handler: @escaping @Sendable (Message) -> Void) {
        self.state.withLock { $0.message = handler }
    }

    public func onClose(_ handler: @escaping @Sendable (EngineCloseReason) -> Void) {
        self.state.withLock { $0.close = handler }
    }

    /// Sends a message.
    ///
    /// Long-polling divides packets by U+001E: text with it cannot be told from several packets there, and is not sent to a
    /// session that polls.
    public func send(_ message: Message) {
        if self.eventLoop.inEventLoop {
            self.connection.value.send(message)
        } else {
            self.host.site.hub.tell(
                EngineCommand.send(self.hubID, message),
                for: self.host.part,
                to: Int(self.hubID.shard)
            )
        }
    }

    public func close() {
        if self.eventLoop.inEventLoop {
            self.connection.value.close(.forcedServerClose)
        } else {
            self.host.site.hub.tell(
                EngineCommand.close(self.hubID, .forcedServerClose),
                for: self.host.part,
                to: Int(self.hubID.shard)
            )
        }
    }

    func received(_ message: ByteBuffer, isBinary: Bool) {
        self.state.withLock { $0.message }?(isBinary ? .binary(message) : .text(message))
    }

    func closed(_ reason: EngineCloseReason) {
        let handler = self.state.withLock { state in
            defer { state = State() }
            return state.close
        }
        handler?(reason)
    }
}

extension EngineConnection {
    /// A message of an ``EngineIOSession``.
    func send(_ message: EngineIOSession.Message) {
        switch message {
        case .text(let text):
            let isDivided = text.readableBytesView.contains(PollingPayload.separator)
            if isDivided, self.session.transport == .polling { return }
            self.send(.message, text)
        case .binary(let bytes): self.send(.message, bytes, isBinary: true)
        }
    }
}
