internal import NIOCore
package import ParleyHub
package import ParleyModel
internal import Synchronization

/// Where a server lives: its hub, its formats, and what it keeps on each shard.
package struct Site: Sendable {
    package let hub: Hub
    package let formats: SocketIOFormats
    package let dialect: DialectName
    private let states: [NIOLoopBoundBox<ShardState>]

    package init(hub: Hub, formats: SocketIOFormats, dialect: DialectName) {
        self.hub = hub
        self.formats = formats
        self.dialect = dialect
        self.states = (0..<hub.shardCount).map {
            .makeBoxSendingValue(ShardState(), eventLoop: hub.eventLoop(of: $0))
        }
    }

    /// On that shard's loop.
    func state(on shard: Shard) -> ShardState { self.states[shard.index].value }

    /// The shard that orders a namespace whose sockets can be recovered.
    func home(of namespace: Namespace) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in namespace.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return Int(hash % UInt64(self.hub.shardCount))
    }

    /// The shard of the event loop that this is called on; `nil` elsewhere.
    var presentShard: Shard? {
        for index in 0..<self.hub.shardCount where self.hub.eventLoop(of: index).inEventLoop {
            return self.hub.shard(on: self.hub.eventLoop(of: index))
        }
        return nil
    }

    /// Runs `body` on the shard of the present event loop; else on that of the connection that speaks, or on the namespace's
    /// home: from one task, in order.
    func onShard(
        nearest namespace: Namespace,
        _ speaker: ConnectionID?,
        _ body: @escaping @Sendable (Shard) -> Void
    ) {
        if let shard = self.presentShard { return body(shard) }
        self.hub.post(to: speaker.map { Int($0.shard) } ?? self.home(of: namespace), body)
    }

    /// The socket that a connection has in a namespace.
    func socket(on connection: Connection, in wireName: String) -> Socket? {
        (connection.delegate as? any EngineConnectionHolder)?.engineConnection?.socket(in: wireName)
    }
}

/// What has an Engine.IO connection: itself, or the driver of its WebSocket.
package protocol EngineConnectionHolder: AnyObject {
    var engineConnection: EngineConnection? { get }
}

/// What one shard knows of a server's namespaces. Confined to its loop.
final class ShardState {
    final class Presence {
        var sockets: [ExactString: Socket] = [:]
        /// Broadcasts that wait for answers from sockets of this shard.
        var collectors: [UInt64: BroadcastCollector] = [:]
        /// The newest offset of the log that has been delivered here.
        var seenOffset: UInt64 = 0
    }

    private var presences: [ObjectIdentifier: Presence] = [:]

    subscript(namespace: Namespace) -> Presence {
        let id = ObjectIdentifier(namespace)
        if let presence = self.presences[id] { return presence }
        let presence = Presence()
        self.presences[id] = presence
        return presence
    }

    func forget(_ namespace: Namespace) { self.presences[ObjectIdentifier(namespace)] = nil }

    var socketCount: Int { self.presences.values.reduce(0) { $0 + $1.sockets.count } }
}
