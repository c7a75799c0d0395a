internal import EngineIO
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// The offset in a client's CONNECT: a string, or absent from a client that never received anything.
struct RecoveryOffset {
    let text: String?

    /// - Returns: `nil` when there is no recovery with it.
    init?(_ value: SocketValue?) {
        guard let value, !value.isNull else {
            self.text = nil
            return
        }
        guard let text = value.string else { return nil }
        self.text = text
    }
}

/// How sockets are kept for clients that come back. The namespace's home shard has the say.
extension EngineConnection {
    func registerForRecovery(_ socket: Socket) {
        guard let recovery = socket.namespace.recovery, let privateID = socket.privateID else { return }
        let connection = self.id
        self.shard.onShard(self.host.site.home(of: socket.namespace)) { _ in
            recovery.opened(privateID, by: connection)
        }
    }

    func storeForRecovery(
        _ socket: Socket,
        rooms: Set<String>,
        _ reason: DisconnectReason,
        _ presence: ShardState.Presence
    ) {
        guard let recovery = socket.namespace.recovery, let session = socket.session(rooms: rooms, presence) else {
            return
        }
        let connection = self.id
        let duration = self.host.configuration.recovery.maximumDisconnection ?? .zero
        self.shard.onShard(self.host.site.home(of: socket.namespace)) { home in
            guard reason.isRecoverable else { return recovery.closed(session.privateID, by: connection) }
            recovery.store(session, from: connection, now: home.eventLoop.now)
            // So that what nobody came back for does not stay.
            let eventLoop = home.eventLoop
            eventLoop.scheduleTask(in: duration + .milliseconds(100)) { recovery.purge(now: eventLoop.now) }
        }
    }

    /// A restored socket never came to be: its client may try again.
    func giveBack(_ socket: Socket) {
        guard socket.isRecovered, let recovery = socket.namespace.recovery else { return }
        let presence = self.host.site.state(on: self.shard)[socket.namespace]
        let rooms = socket.state.withLock { $0.rooms }
        guard let session = socket.session(rooms: rooms, presence) else { return }
        self.shard.onShard(self.host.site.home(of: socket.namespace)) { home in
            recovery.putBack(session, now: home.eventLoop.now)
        }
    }

    /// Asks the home shard for the socket of a private id, and goes on here with what it has.
    func restore(
        _ privateID: String,
        after offset: String?,
        _ recovery: RecoveryHome,
        _ namespace: Namespace,
        then: @escaping @Sendable (EngineConnection, RecoverableSession?, [RecoveryLog.Entry]) -> Void
    ) {
        let (connection, host) = (self.id, self.host)
        self.shard.onShard(host.site.home(of: namespace)) { home in
            Self.restore(privateID, after: offset, recovery, on: home, host, mayClose: true) { home, session, missed in
                home.onShard(Int(connection.shard)) { shard in
                    if let connection = host.connection(connection, on: shard) {
                        then(connection, session, missed)
                    } else if let session {
                        let home = host.site.home(of: namespace)
                        shard.onShard(home) { recovery.putBack(session, now: $0.eventLoop.now) }
                    }
                }
            }
        }
    }

    private static func restore(
        _ privateID: String,
        after offset: String?,
        _ recovery: RecoveryHome,
        on home: Shard,
        _ host: EngineHost,
        mayClose: Bool,
        then: @escaping @Sendable (Shard, RecoverableSession?, [RecoveryLog.Entry]) -> Void
    ) {
        switch recovery.restore(privateID, after: offset, now: home.eventLoop.now) {
        case .restored(let session, let missed): then(home, session, missed)
        case .unknown: then(home, nil, [])
        case .closeFirst(let old):
            guard mayClose else { return then(home, nil, []) }
            // The client knows better than we do: what we take for its connection is dead. Closing it stores the socket, and
            // that arrives here before the second question.
            let homeIndex = home.index
            home.onShard(Int(old.shard)) { shard in
                host.connection(old, on: shard)?.close(.transportError)
                shard.onShard(homeIndex) { home in
                    Self.restore(privateID, after: offset, recovery, on: home, host, mayClose: false, then: then)
                }
            }
        }
    }
}

extension Socket {
    fileprivate func session(rooms: Set<String>, _ presence: ShardState.Presence) -> RecoverableSession? {
        self.privateID.map { privateID in
            RecoverableSession(
                id: self.id,
                privateID: privateID,
                wireName: self.wireName,
                rooms: rooms,
                data: self.data,
                seenOffset: presence.seenOffset
            )
        }
    }
}
