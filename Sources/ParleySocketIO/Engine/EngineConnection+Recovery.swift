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
        rooms: Set<ExactString>,
        _ reason: DisconnectReason
    ) {
        guard let recovery = socket.namespace.recovery, let session = socket.session(rooms: rooms) else { return }
        let connection = self.id
        let duration = self.host.configuration.recovery.maximumDisconnection ?? .zero
        self.shard.onShard(self.host.site.home(of: socket.namespace)) { home in
            guard reason.isRecoverable else { return recovery.closed(session.privateID, by: connection) }
            let isFirst = recovery.store(session, from: connection, now: home.eventLoop.now)
            if isFirst { Self.purgeLater(recovery, after: duration, on: home.eventLoop) }
        }
    }

    /// So that what nobody came back for does not stay: one timer for a namespace, for as long as it has absent sockets.
    private static func purgeLater(_ recovery: RecoveryHome, after duration: TimeAmount, on eventLoop: any EventLoop) {
        eventLoop.scheduleTask(in: duration + .milliseconds(100)) {
            guard let next = recovery.purge(now: eventLoop.now) else { return }
            Self.purgeLater(recovery, after: max(.zero, next - eventLoop.now), on: eventLoop)
        }
    }

    /// A restored socket never came to be: its client may try again.
    static func giveBack(_ socket: Socket, on shard: Shard, _ host: EngineHost) {
        guard socket.isRecovered, let recovery = socket.namespace.recovery else { return }
        let rooms = socket.state.withLock { $0.rooms }
        guard let session = socket.session(rooms: rooms) else { return }
        shard.onShard(host.site.home(of: socket.namespace)) { Self.putBack(session, recovery, host, on: $0) }
    }

    private static func putBack(
        _ session: RecoverableSession,
        _ recovery: RecoveryHome,
        _ host: EngineHost,
        on home: Shard
    ) {
        guard recovery.putBack(session, now: home.eventLoop.now) else { return }
        let duration = host.configuration.recovery.maximumDisconnection ?? .zero
        Self.purgeLater(recovery, after: duration, on: home.eventLoop)
    }

    /// Asks the home shard for what was said to a socket after an offset.
    func hear(
        after offset: UInt64,
        _ socket: Socket,
        then: @escaping @Sendable (EngineConnection, RecoveryLog.Missed?) -> Void
    ) {
        guard let recovery = socket.namespace.recovery else { return }
        let (connection, host) = (self.id, self.host)
        let rooms = socket.state.withLock { $0.rooms }
        self.shard.onShard(host.site.home(of: socket.namespace)) { home in
            let missed = recovery.missed(after: offset, by: socket.id, rooms: rooms)
            home.onShard(Int(connection.shard)) { shard in
                if let connection = host.connection(connection, on: shard) { then(connection, missed) }
            }
        }
    }

    /// Asks the home shard for the socket of a private id, and goes on here with what it has.
    func restore(
        _ privateID: String,
        as wireName: String,
        after offset: String?,
        _ recovery: RecoveryHome,
        _ namespace: Namespace,
        then: @escaping @Sendable (EngineConnection, RecoveryLog.Restored?) -> Void
    ) {
        let (connection, host) = (self.id, self.host)
        let request = RecoveryLog.Request(privateID: privateID, wireName: wireName, offset: offset)
        self.shard.onShard(host.site.home(of: namespace)) { home in
            Self.restore(request, recovery, on: home, host, mayClose: true) { home, restored in
                home.onShard(Int(connection.shard)) { shard in
                    if let connection = host.connection(connection, on: shard) {
                        then(connection, restored)
                    } else if let session = restored?.session {
                        shard.onShard(host.site.home(of: namespace)) { Self.putBack(session, recovery, host, on: $0) }
                    }
                }
            }
        }
    }

    private static func restore(
        _ request: RecoveryLog.Request,
        _ recovery: RecoveryHome,
        on home: Shard,
        _ host: EngineHost,
        mayClose: Bool,
        then: @escaping @Sendable (Shard, RecoveryLog.Restored?) -> Void
    ) {
        switch recovery.restore(request, now: home.eventLoop.now) {
        case .restored(let restored): then(home, restored)
        case .unknown: then(home, nil)
        case .closeFirst(let old):
            guard mayClose else { return then(home, nil) }
            // The client knows better than we do: what we take for its connection is dead. Closing it stores the socket, and
            // that arrives here before the second question.
            let homeIndex = home.index
            home.onShard(Int(old.shard)) { shard in
                host.connection(old, on: shard)?.close(.transportError)
                shard.onShard(homeIndex) { home in
                    Self.restore(request, recovery, on: home, host, mayClose: false, then: then)
                }
            }
        }
    }
}

extension Socket {
    fileprivate func session(rooms: Set<ExactString>) -> RecoverableSession? {
        self.privateID.map { privateID in
            RecoverableSession(
                id: self.id,
                privateID: privateID,
                wireName: self.wireName,
                rooms: rooms,
                data: self.data,
                joinOffset: self.state.withLock { $0.joinOffset }
            )
        }
    }
}
