package import EngineIO
package import Logging
package import NIOCore
package import ParleyHub
package import ParleyModel

/// What stands on Engine.IO: Socket.IO, or a program's own messages.
package protocol EngineApplication: Sendable {
    var configuration: SocketIOConfiguration { get }
    var logger: Logger { get }
    /// Its sessions are going to live there.
    func attach(_ site: Site)
    /// Called with each new session, on its event loop.
    func makeUser(of connection: EngineConnection) -> any EngineUser
}

/// Who is given the messages of one session. Confined to its event loop.
package protocol EngineUser: AnyObject {
    /// The client has been told of the session.
    func opened()
    func received(_ message: ByteBuffer, isBinary: Bool)
    /// Everything that waited for the client has been sent.
    func drained()
    /// Nothing more is received, nor sent to any purpose. May be told again.
    func closed(_ reason: EngineCloseReason)
    /// The connection is gone, and keeps nothing.
    func released()
    /// What waits to be complete is the largest of too much.
    func evictInput()
    /// When ``tick(_:)`` has something to do; `.distantFuture`: never.
    var deadline: NIODeadline { get }
    func tick(_ now: NIODeadline)
}

extension EngineUser {
    package func opened() {}
    package func drained() {}
    package func released() {}
    package func evictInput() {}
    package var deadline: NIODeadline { .distantFuture }
    package func tick(_ now: NIODeadline) {}
}

/// Where a server lives: its hub, and its wire formats there.
package struct Site: Sendable {
    package let hub: Hub
    package let formats: SocketIOFormats
    package let dialect: DialectName

    package init(hub: Hub, formats: SocketIOFormats, dialect: DialectName) {
        self.hub = hub
        self.formats = formats
        self.dialect = dialect
    }

    /// The connection of an id, on its shard.
    func connection(_ id: ConnectionID, on shard: Shard) -> EngineConnection? {
        (shard[id]?.delegate as? any EngineConnectionHolder)?.engineConnection
    }
}

/// What has an Engine.IO connection: itself, or the driver of its WebSocket.
package protocol EngineConnectionHolder: AnyObject {
    var engineConnection: EngineConnection? { get }
}
