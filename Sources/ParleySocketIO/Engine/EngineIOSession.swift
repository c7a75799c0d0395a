public import EngineIO
public import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

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
            self.tell(.send(self.hubID, message))
        }
    }

    public func close() {
        if self.eventLoop.inEventLoop {
            self.connection.value.close(.forcedServerClose)
        } else {
            self.tell(.close(self.hubID, .forcedServerClose))
        }
    }

    private func tell(_ command: EngineCommand) {
        self.host.site.hub.tell(command, for: self.host.part, to: Int(self.hubID.shard))
    }

    fileprivate func received(_ message: ByteBuffer, isBinary: Bool) {
        self.state.withLock { $0.message }?(isBinary ? .binary(message) : .text(message))
    }

    fileprivate func closed(_ reason: EngineCloseReason) {
        let handler = self.state.withLock { state in
            defer { state = State() }
            return state.close
        }
        handler?(reason)
    }
}

/// Gives a program the messages of a session.
final class EngineIOSessionUser: EngineUser {
    private let session: EngineIOSession
    private let onSession: @Sendable (EngineIOSession) -> Void
    private var isClosed = false

    init(_ session: EngineIOSession, _ onSession: @escaping @Sendable (EngineIOSession) -> Void) {
        self.session = session
        self.onSession = onSession
    }

    func opened() { self.onSession(self.session) }

    func received(_ message: ByteBuffer, isBinary: Bool) {
        if !self.isClosed { self.session.received(message, isBinary: isBinary) }
    }

    func closed(_ reason: EngineCloseReason) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.session.closed(reason)
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
