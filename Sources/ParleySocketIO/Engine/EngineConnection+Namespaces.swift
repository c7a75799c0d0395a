internal import EngineIO
internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// Joining and leaving namespaces, and what is said there.
extension EngineConnection {
    // MARK: Joining

    func connect(_ wireName: String, auth: ByteBuffer?, attempt: Int) {
        let auth = auth.flatMap { try? SocketValue(json: $0) } ?? .object([:])
        switch self.host.server.lookUp(wireName) {
        case .found(let namespace):
            self.connect(to: namespace, as: wireName, auth: auth, attempt: attempt)
        case .ask(let parents):
            guard !parents.isEmpty else { return self.refuse(wireName, attempt, .invalidNamespace) }
            self.decide(on: attempt) { connection in
                let child = await Self.child(wireName, auth, of: parents, in: connection.server)
                connection.run { connection in
                    if let child {
                        connection.connect(to: child, as: wireName, auth: auth, attempt: attempt)
                    } else {
                        connection.refuse(wireName, attempt, .invalidNamespace)
                    }
                }
            }
        }
    }

    private static func child(
        _ name: String,
        _ auth: SocketValue,
        of parents: [ParentNamespace],
        in server: SocketIOServer
    ) async -> Namespace? {
        for parent in parents {
            let isAllowed: Bool
            if let allowsAtOnce = parent.allowsAtOnce {
                isAllowed = allowsAtOnce(name)
            } else {
                isAllowed = await parent.allows(name, auth)
            }
            if isAllowed { return server.child(name, of: parent) }
        }
        return nil
    }

    private func connect(to namespace: Namespace, as wireName: String, auth: SocketValue, attempt: Int) {
        let handshake = Handshake(request: self.request, auth: auth, time: self.host.wallTime())
        guard let recovery = namespace.recovery, let privateID = auth["pid"]?.string,
            let offset = RecoveryOffset(auth["offset"])
        else {
            return self.admit(
                self.makeSocket(namespace, wireName, handshake, restoring: nil),
                missed: nil,
                attempt: attempt
            )
        }
        self.restore(privateID, as: wireName, after: offset.text, recovery, namespace) { connection, restored in
            let socket = connection.makeSocket(namespace, wireName, handshake, restoring: restored?.session)
            connection.admit(socket, missed: restored?.missed, attempt: attempt)
        }
    }

    private func makeSocket(
        _ namespace: Namespace,
        _ wireName: String,
        _ handshake: Handshake,
        restoring session: RecoverableSession?
    ) -> Socket {
        let random = { RandomIdentifier.urlSafe(length: 20, using: &self.shard.context.random) }
        let isRevision3 = self.session.revision == .three
        return Socket(
            id: session?.id ?? (isRevision3 ? self.revision3ID(wireName) : random()),
            namespace: namespace,
            wireName: wireName,
            handshake: handshake,
            privateID: namespace.recovery == nil || isRevision3 ? nil : session?.privateID ?? random(),
            restoring: session,
            connection: self
        )
    }

    /// Clients of Socket.IO 2 make their ids up themselves, from the session's.
    private func revision3ID(_ wireName: String) -> String {
        wireName == "/" ? self.sessionID : "\(wireName)#\(self.sessionID)"
    }

    /// Asks the middlewares, then lets the socket in.
    private func admit(_ socket: Socket, missed: RecoveryLog.Missed?, attempt: Int) {
        let middlewares = socket.namespace.middlewares
        let skips = socket.isRecovered && self.host.configuration.recovery.skipsMiddlewares
        guard !middlewares.isEmpty, !skips else {
            return self.join(socket, missed: missed?.entries ?? [], attempt: attempt)
        }
        let host = self.host
        self.decide(on: attempt) { connection in
            var refusal: ConnectError?
            for middleware in middlewares {
                do {
                    try await middleware(socket)
                } catch let error as ConnectError {
                    refusal = error
                } catch {
                    // Nobody waits for the answer of one that was cancelled.
                    connection.server.logger.log(
                        level: Task.isCancelled ? .debug : .error,
                        "A connection middleware failed",
                        metadata: ["namespace": "\(socket.namespace.name)", "error": "\(error)"]
                    )
                    refusal = ConnectError("Internal error", label: "internal_error")
                }
                if refusal != nil { break }
            }
            connection.run { [refusal] connection in
                if let refusal {
                    Self.abandon(socket, on: connection.shard, host)
                    connection.refuse(socket.wireName, attempt, refusal)
                } else if let missed {
                    connection.catchUp(socket, missed, attempt: attempt)
                } else {
                    connection.join(socket, missed: [], attempt: attempt)
                }
            } orElse: { shard in
                Self.abandon(socket, on: shard, host)
            }
        }
    }

    /// Hears what was said while middlewares thought about a restored socket.
    private func catchUp(_ socket: Socket, _ missed: RecoveryLog.Missed, attempt: Int) {
        self.hear(after: missed.newestOffset, socket) { connection, more in
            guard let more else {
                // More than the log holds: the client comes back, as a new one.
                return connection.close(.transportError)
            }
            connection.join(socket, missed: missed.entries + more.entries, attempt: attempt)
        }
    }

    /// Order: register the socket, join its own room, send CONNECT, then run the application's handlers.
    private func join(_ socket: Socket, missed: [RecoveryLog.Entry], attempt: Int) {
        guard self.session.isOpen, self.machine.accept(socket.wireName, attempt: attempt) else {
            return Self.abandon(socket, on: self.shard, self.host)
        }
        guard self.host.server.socketJoins(socket.namespace) else {
            // The namespace was forgotten in this very moment; the client may ask again.
            self.machine.leave(socket.wireName)
            Self.abandon(socket, on: self.shard, self.host)
            return self.sendRefusal(socket.wireName, .invalidNamespace)
        }
        self.members.append(Member(wireName: socket.wireName, socket: socket))
        let presence = self.host.site.state(on: self.shard)[socket.namespace]
        presence.sockets[ExactString(socket.id)] = socket
        let rooms = socket.state.withLock { state in
            state.phase = .connected
            // Whatever this shard hears of from now on is sent to it.
            if !socket.isRecovered { state.joinOffset = presence.seenOffset }
            return state.rooms
        }
        self.subscribe(to: socket.namespace.topic(nil, as: socket.wireName))
        self.openInbox(socket.namespace.topic(socket.id, as: socket.wireName))
        for room in rooms { self.subscribe(to: socket.namespace.topic(room.text, as: socket.wireName)) }
        self.registerForRecovery(socket)
        // The replay comes first, and clients keep it until they are connected.
        let index = socket.namespace.wireNames.firstIndex { $0.hasSameBytes(as: socket.wireName) } ?? 0
        for entry in missed { self.send(entry.packets[index]) }
        let parser = self.host.configuration.parser
        if self.session.revision == .three {
            self.send(parser.connectedWithoutPayload(namespace: socket.wireName))
        } else {
            self.send(
                parser.connected(namespace: socket.wireName, socketID: socket.id, privateID: socket.privateID)
            )
        }
        for handler in socket.namespace.connectionHandlers { handler(socket) }
    }

    private func refuse(_ wireName: String, _ attempt: Int, _ error: ConnectError) {
        guard self.session.isOpen, self.machine.refuse(wireName, attempt: attempt) else { return }
        self.sendRefusal(wireName, error)
    }

    private func sendRefusal(_ wireName: String, _ error: ConnectError) {
        self.host.report(ConnectRefusal(label: error.label, connection: self.id, request: self.request))
        let parser = self.host.configuration.parser
        self.send(
            self.session.revision == .three
                ? parser.connectErrorOfRevision4(namespace: wireName, message: error.message, data: error.data)
                : parser.connectError(namespace: wireName, message: error.message, data: error.data)
        )
    }

    /// A socket that was never there: it was refused, or its connection is gone, or its attempt was.
    private static func abandon(_ socket: Socket, on shard: Shard, _ host: EngineHost) {
        Self.giveBack(socket, on: shard, host)
        let acknowledgements = socket.state.withLock { state in
            let acknowledgements = state.acknowledgements
            state.phase = .disconnected
            state.handlers = [:]
            state.extras = nil
            state.acknowledgements = [:]
            return acknowledgements
        }
        for pending in acknowledgements.values { pending.complete(.failure(.disconnected)) }
        host.server.socketWasRefused(socket.namespace)
    }

    // MARK: Leaving

    /// The application makes a socket leave.
    func disconnect(_ socket: Socket) {
        guard self.machine.isConnected(to: socket.wireName), self.socket(in: socket.wireName) === socket else { return }
        self.machine.leave(socket.wireName)
        self.sendThroughHome(self.host.configuration.parser.disconnect(namespace: socket.wireName), of: socket)
        self.remove(socket, .serverNamespaceDisconnect)
    }

    /// The application closes the connection, once every namespace was told.
    func disconnectAll() {
        let here = self.shard.index
        let homes = Set(self.members.map(\.socket.namespace).filter { $0.recovery != nil }.map(self.host.site.home))
            .subtracting([here])
        for member in self.members { self.disconnect(member.socket) }
        guard !homes.isEmpty else { return self.close(.forcedServerClose) }
        // What was said by way of home shards arrives before whatever goes the same way after it.
        let (connection, host) = (self.id, self.host)
        let awaited = Countdown(from: homes.count)
        for home in homes {
            self.shard.onShard(home) { home in
                home.onShard(here) { shard in
                    if awaited.isLast() { host.connection(connection, on: shard)?.close(.forcedServerClose) }
                }
            }
        }
    }

    func remove(_ socket: Socket, _ reason: DisconnectReason) {
        guard let index = self.members.firstIndex(where: { $0.socket === socket }) else { return }
        self.members.remove(at: index)
        let namespace = socket.namespace
        let presence = self.host.site.state(on: self.shard)[namespace]
        let rooms = socket.state.withLock { $0.rooms }
        socket.notifyDisconnected(reason) {
            // Joined in a handler of `disconnecting`, perhaps.
            let rooms = rooms.union(socket.state.withLock { $0.rooms })
            self.storeForRecovery(socket, rooms: rooms, reason)
            for room in rooms { self.unsubscribe(from: namespace.topic(room.text, as: socket.wireName)) }
            self.unsubscribe(from: namespace.topic(nil, as: socket.wireName))
            self.shard.closeInbox(namespace.topic(socket.id, as: socket.wireName))
        }
        if presence.sockets[ExactString(socket.id)] === socket { presence.sockets[ExactString(socket.id)] = nil }
        self.host.server.socketLeft(namespace)
    }

    func removeAll(_ reason: DisconnectReason) {
        while let member = self.members.last { self.remove(member.socket, reason) }
    }

    // MARK: Saying

    /// Sends an event to one socket of this connection.
    func emit(_ event: String, _ arguments: SocketArguments, id: UInt64?, from socket: Socket, options: EmitOptions) {
        let phase = socket.state.withLock { $0.phase }
        guard phase != .disconnected, self.session.isOpen else { return }
        if options.isVolatile, !self.isTransportWritable { return }
        socket.notifyOutgoing(event, arguments)
        let namespace = socket.namespace
        guard let recovery = namespace.recovery, phase == .connected else {
            let packet = self.host.configuration.parser.event(event, arguments, namespace: socket.wireName, id: id)
            return self.send(packet, compresses: options.compresses)
        }
        let arguments = arguments.detached()
        let (connection, target) = (self.id, self.shard.index)
        let (host, socketID) = (self.host, socket.id)
        self.shard.onShard(host.site.home(of: namespace)) { home in
            let isLogged = !options.isVolatile && id == nil
            let offset = isLogged ? recovery.nextOffset() : recovery.newestOffset
            let packets = namespace.wireNames.map { wireName in
                host.configuration.parser.event(
                    event,
                    arguments,
                    namespace: wireName,
                    id: id,
                    offset: id == nil ? recovery.text(of: offset) : nil
                )
            }
            if isLogged {
                recovery.append(
                    RecoveryLog.Entry(
                        offset: offset,
                        time: home.eventLoop.now,
                        selection: Selection(rooms: [socketID]),
                        packets: packets
                    )
                )
            }
            let index = namespace.wireNames.firstIndex { $0.hasSameBytes(as: socket.wireName) } ?? 0
            home.onShard(target) { shard in
                if isLogged { host.site.state(on: shard)[namespace].seenOffset = offset }
                host.connection(connection, on: shard)?.send(packets[index], compresses: options.compresses)
            }
        }
    }

    func acknowledge(_ id: UInt64, _ arguments: SocketArguments, from socket: Socket) {
        guard socket.isConnected else { return }
        self.sendThroughHome(
            self.host.configuration.parser.ack(arguments, namespace: socket.wireName, id: id),
            of: socket
        )
    }

    /// Keeps a packet's place among the events, which go by the home shard where sockets can be recovered.
    private func sendThroughHome(_ packet: EncodedPacket, of socket: Socket) {
        let home = self.host.site.home(of: socket.namespace)
        guard socket.namespace.recovery != nil, home != self.shard.index else { return self.send(packet) }
        let (connection, target, host) = (self.id, self.shard.index, self.host)
        self.shard.onShard(home) { home in
            home.onShard(target) { host.connection(connection, on: $0)?.send(packet) }
        }
    }

    // MARK: Waiting

    /// A connection as a task may hold it: it finds its way back, if the connection is still there then.
    struct Reference: Sendable {
        let host: EngineHost
        let connection: ConnectionID
        var server: SocketIOServer { self.host.server }

        func run(
            _ body: @escaping @Sendable (EngineConnection) -> Void,
            orElse: (@Sendable (Shard) -> Void)? = nil
        ) {
            self.host.site.hub.post(to: Int(self.connection.shard)) { shard in
                if let connection = self.host.connection(self.connection, on: shard) {
                    body(connection)
                } else {
                    orElse?(shard)
                }
            }
        }
    }

    /// Something that a CONNECT waits for.
    struct Decision {
        let number: Int
        let attempt: Int
        let task: Task<Void, Never>
    }

    /// Starts what a CONNECT waits for; it is cancelled with the attempt, and with the connection.
    ///
    /// A client that asks again and again makes earlier attempts void, but their work need not end at once: as much may go on
    /// as there may be namespaces.
    func decide(on attempt: Int, _ body: @escaping @Sendable (Reference) async -> Void) {
        guard self.decisions.count < self.host.configuration.maximumNamespacesPerConnection else {
            self.host.server.logger.debug(
                "Connection closed: more CONNECTs than maximumNamespacesPerConnection wait to be decided",
                metadata: ["connection": "\(self.id)"]
            )
            return self.close(.forcedClose)
        }
        let reference = Reference(host: self.host, connection: self.id)
        let number = (self.decisions.last?.number ?? 0) + 1
        let task = Task {
            await body(reference)
            reference.run { connection in connection.decisions.removeAll { $0.number == number } }
        }
        self.decisions.append(Decision(number: number, attempt: attempt, task: task))
    }

    /// - Parameter attempt: `nil`: all of them.
    func cancelDecisions(on attempt: Int? = nil) {
        for decision in self.decisions where attempt == nil || decision.attempt == attempt { decision.task.cancel() }
        if attempt == nil { self.decisions = [] }
    }
}

/// Tells the last of several apart.
private final class Countdown: Sendable {
    private let remaining: Atomic<Int>

    init(from count: Int) {
        self.remaining = Atomic(count)
    }

    func isLast() -> Bool { self.remaining.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 }
}
