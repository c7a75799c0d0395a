internal import EngineIO
internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// Joining and leaving namespaces, and what is said there.
extension SocketClient {
    // MARK: Joining

    func connect(_ wireName: String, auth: ByteBuffer?, attempt: Int) {
        let auth = auth.flatMap { try? SocketValue(json: $0) } ?? .object([:])
        switch self.registry.lookUp(wireName) {
        case .found(let namespace):
            self.connect(to: namespace, as: wireName, auth: auth, attempt: attempt)
        case .ask(let parents):
            guard !parents.isEmpty else { return self.refuse(wireName, attempt, .invalidNamespace) }
            self.decide(on: attempt) { client in
                let child = await Self.child(wireName, auth, of: parents, in: client.registry)
                client.run { client in
                    if let child {
                        client.connect(to: child, as: wireName, auth: auth, attempt: attempt)
                    } else {
                        client.refuse(wireName, attempt, .invalidNamespace)
                    }
                }
            }
        }
    }

    private static func child(
        _ name: String,
        _ auth: SocketValue,
        of parents: [ParentNamespace],
        in registry: NamespaceRegistry
    ) async -> Namespace? {
        for parent in parents {
            let isAllowed: Bool
            if let allowsAtOnce = parent.allowsAtOnce {
                isAllowed = allowsAtOnce(name)
            } else {
                isAllowed = await parent.allows(name, auth)
            }
            if isAllowed { return registry.child(name, of: parent) }
        }
        return nil
    }

    private func connect(to namespace: Namespace, as wireName: String, auth: SocketValue, attempt: Int) {
        let handshake = Handshake(request: self.connection.request, auth: auth, time: self.connection.host.wallTime())
        guard namespace.hasLog else {
            let socket = self.makeSocket(namespace, wireName, handshake, restoring: nil)
            return self.admit(socket, missed: nil, attempt: attempt)
        }
        self.site.whenListening(to: namespace, on: self.shard) {
            guard self.connection.session.isOpen else { return self.registry.socketWasRefused(namespace) }
            guard let privateID = auth["pid"]?.string, let claim = RecoveryClaim(auth["offset"]) else {
                let socket = self.makeSocket(namespace, wireName, handshake, restoring: nil)
                return self.admit(socket, missed: nil, attempt: attempt)
            }
            self.restore(privateID, claim, in: namespace, as: wireName, handshake, attempt: attempt)
        }
    }

    func makeSocket(
        _ namespace: Namespace,
        _ wireName: String,
        _ handshake: Handshake,
        restoring session: RecoverableSession?
    ) -> Socket {
        let random = { RandomIdentifier.urlSafe(length: 20, using: &self.shard.context.random) }
        let isRevision3 = self.connection.session.revision == .three
        return Socket(
            id: session?.id ?? (isRevision3 ? self.revision3ID(wireName) : random()),
            namespace: namespace,
            wireName: wireName,
            handshake: handshake,
            privateID: !namespace.hasLog || isRevision3 ? nil : session?.privateID ?? random(),
            restoring: session,
            owner: self,
            eventLoop: self.shard.eventLoop,
            client: ClientID(incarnation: self.site.incarnation, connection: self.id)
        )
    }

    /// Clients of Socket.IO 2 make their ids up themselves, from the session's.
    private func revision3ID(_ wireName: String) -> String {
        wireName == "/" ? self.connection.sessionID : "\(wireName)#\(self.connection.sessionID)"
    }

    /// Asks the middlewares, then lets the socket in.
    func admit(_ socket: Socket, missed: MissedEvents?, attempt: Int) {
        let middlewares = socket.namespace.middlewares
        let skips = socket.isRecovered && self.configuration.recovery.skipsMiddlewares
        guard !middlewares.isEmpty, !skips else {
            return self.join(socket, missed: missed, attempt: attempt)
        }
        self.candidates.append(socket)
        let departures = Departures(registry: self.registry, site: self.site)
        self.decide(on: attempt) { client in
            var refusal: ConnectError?
            for middleware in middlewares {
                do {
                    try await middleware(socket)
                } catch let error as ConnectError {
                    refusal = error
                } catch {
                    // Nobody waits for the answer of one that was cancelled.
                    client.registry.logger.log(
                        level: Task.isCancelled ? .debug : .error,
                        "A connection middleware failed",
                        metadata: ["namespace": "\(socket.namespace.name)", "error": "\(error)"]
                    )
                    refusal = ConnectError("Internal error", label: "internal_error")
                }
                if refusal != nil { break }
            }
            client.run { [refusal] client in
                client.candidates.removeAll { $0 === socket }
                if let refusal {
                    departures.abandon(socket, on: client.shard)
                    client.refuse(socket.wireName, attempt, refusal)
                } else if let missed {
                    client.catchUp(socket, missed, attempt: attempt)
                } else {
                    client.join(socket, missed: nil, attempt: attempt)
                }
            } orElse: { shard in
                departures.abandon(socket, on: shard)
            }
        }
    }

    /// Order: register the socket, join its own room, send CONNECT, then run the application's handlers.
    func join(_ socket: Socket, missed: MissedEvents?, attempt: Int) {
        guard self.connection.session.isOpen, self.machine.accept(socket.wireName, attempt: attempt) else {
            return self.departures.abandon(socket, on: self.shard)
        }
        let state = self.site.state(on: self.shard)
        let isHeard = !socket.namespace.hasLog || state.presence(named: socket.namespace.name)?.heard != nil
        guard isHeard, self.registry.socketJoins(socket.namespace) else {
            // The namespace was forgotten in this very moment; the client may ask again.
            self.machine.leave(socket.wireName)
            self.departures.abandon(socket, on: self.shard)
            return self.sendRefusal(socket.wireName, .invalidNamespace)
        }
        self.members.append(Member(wireName: socket.wireName, socket: socket))
        let presence = state.presence(of: socket.namespace)
        presence.sockets[ExactString(socket.id)] = socket
        let rooms = socket.state.withLock { state in
            state.phase = .connected
            // Whatever this shard hears of from now on is sent to it.
            if !socket.isRecovered { state.joined = presence.heard }
            return state.rooms
        }
        self.connection.subscribe(to: socket.namespace.topic(nil, as: socket.wireName))
        self.connection.openInbox(socket.namespace.topic(socket.id, as: socket.wireName))
        for room in rooms { self.connection.subscribe(to: socket.namespace.topic(room.text, as: socket.wireName)) }
        self.registerForRecovery(socket)
        // The replay comes first, and clients keep it until they are connected.
        for event in missed?.events ?? [] {
            self.send(event.event.packet(namespace: socket.wireName, offset: event.position.recoveryText))
        }
        let parser = self.configuration.parser
        if self.connection.session.revision == .three {
            self.send(parser.connectedWithoutPayload(namespace: socket.wireName))
        } else {
            self.send(
                parser.connected(namespace: socket.wireName, socketID: socket.id, privateID: socket.privateID)
            )
        }
        for handler in socket.namespace.connectionHandlers { handler(socket) }
    }

    private func refuse(_ wireName: String, _ attempt: Int, _ error: ConnectError) {
        guard self.connection.session.isOpen, self.machine.refuse(wireName, attempt: attempt) else { return }
        self.sendRefusal(wireName, error)
    }

    private func sendRefusal(_ wireName: String, _ error: ConnectError) {
        self.connection.host.report(
            ConnectRefusal(label: error.label, connection: self.id, request: self.connection.request)
        )
        let parser = self.configuration.parser
        self.send(
            self.connection.session.revision == .three
                ? parser.connectErrorOfRevision4(namespace: wireName, message: error.message, data: error.data)
                : parser.connectError(namespace: wireName, message: error.message, data: error.data)
        )
    }

    // MARK: Leaving

    /// The application makes a socket leave.
    func disconnect(_ socket: Socket) {
        guard self.machine.isConnected(to: socket.wireName), self.socket(in: socket.wireName) === socket else { return }
        self.machine.leave(socket.wireName)
        self.sendInOrder(self.configuration.parser.disconnect(namespace: socket.wireName), of: socket)
        self.remove(socket, .serverNamespaceDisconnect)
    }

    /// The application closes the connection, once every namespace was told.
    func disconnectAll() {
        var namespaces: [Int: Namespace] = [:]
        for namespace in self.members.lazy.map(\.socket.namespace) where namespace.hasLog {
            namespaces[self.shard.home(of: namespace.logKey)] = namespace
        }
        namespaces[self.shard.index] = nil
        for member in self.members { self.disconnect(member.socket) }
        guard !namespaces.isEmpty else { return self.connection.close(.forcedServerClose) }
        // What was said by way of home shards arrives before whatever goes the same way after it.
        self.awaitedFarewells += namespaces.count
        for namespace in namespaces.values { self.sendInOrder(.farewell, of: namespace) }
    }

    func remove(_ socket: Socket, _ reason: DisconnectReason) {
        guard let index = self.members.firstIndex(where: { $0.socket === socket }) else { return }
        self.members.remove(at: index)
        let namespace = socket.namespace
        let rooms = socket.state.withLock { $0.rooms }
        socket.notifyDisconnected(reason) {
            // Joined in a handler of `disconnecting`, perhaps.
            let rooms = rooms.union(socket.state.withLock { $0.rooms })
            self.storeForRecovery(socket, rooms: rooms, reason)
            for room in rooms { self.connection.unsubscribe(from: namespace.topic(room.text, as: socket.wireName)) }
            self.connection.unsubscribe(from: namespace.topic(nil, as: socket.wireName))
            self.shard.closeInbox(namespace.topic(socket.id, as: socket.wireName))
        }
        if let presence = self.site.state(on: self.shard).presence(named: namespace.name),
            presence.sockets[ExactString(socket.id)] === socket
        {
            presence.sockets[ExactString(socket.id)] = nil
        }
        self.registry.socketLeft(namespace)
    }

    func removeAll(_ reason: DisconnectReason) {
        while let member = self.members.last { self.remove(member.socket, reason) }
    }

    // MARK: Saying

    /// Sends an event to one socket of this connection.
    func emit(_ event: String, _ arguments: SocketArguments, id: UInt64?, from socket: Socket, options: EmitOptions) {
        let phase = socket.state.withLock { $0.phase }
        guard phase != .disconnected, self.connection.session.isOpen else { return }
        if options.isVolatile, !self.connection.isTransportWritable { return }
        socket.notifyOutgoing(event, arguments)
        let namespace = socket.namespace
        guard namespace.hasLog, phase == .connected else {
            let packet = self.configuration.parser.event(event, arguments, namespace: socket.wireName, id: id)
            return self.send(packet, compresses: options.compresses)
        }
        let event = EncodedEvent(event, arguments, parser: self.configuration.parser)
        if id == nil, !options.isVolatile {
            var selection = Selection(rooms: [socket.id])
            selection.options = options
            return namespace.log(.event(event, isNoted: true), for: selection, from: self.shard)
        }
        let content: Delivery.Content =
            id == nil
            ? .unlogged(event, wireName: socket.wireName) : .packet(event.packet(namespace: socket.wireName, id: id))
        self.sendInOrder(content, of: namespace, compresses: options.compresses)
    }

    func acknowledge(_ id: UInt64, _ arguments: SocketArguments, from socket: Socket) {
        guard socket.isConnected else { return }
        self.sendInOrder(
            self.configuration.parser.ack(arguments, namespace: socket.wireName, id: id),
            of: socket
        )
    }

    /// Keeps a packet's place among the events, which go by the home shard where there is a log.
    private func sendInOrder(_ packet: EncodedPacket, of socket: Socket) {
        guard socket.namespace.hasLog else { return self.send(packet) }
        self.sendInOrder(.packet(packet), of: socket.namespace)
    }

    private func sendInOrder(_ content: Delivery.Content, of namespace: Namespace, compresses: Bool = true) {
        let delivery = Delivery(connection: self.id, content: content, compresses: compresses)
        self.shard.send(
            NodeCommand.deliverInOrder(delivery, namespace: namespace.name),
            for: self.site.part,
            to: self.shard.home(of: namespace.logKey)
        )
    }

    // MARK: Being told

    func take(_ delivery: Delivery) {
        switch delivery.content {
        case .packet(let packet): self.send(packet, compresses: delivery.compresses)
        case .unlogged(let event, let wireName):
            self.send(event.packet(namespace: wireName), compresses: delivery.compresses)
        case .farewell:
            self.awaitedFarewells -= 1
            if self.awaitedFarewells == 0 { self.connection.close(.forcedServerClose) }
        }
    }

    func perform(_ order: SocketOrder, for socket: Socket) {
        switch order {
        case .emit(let event, let arguments, let id, let options):
            self.emit(event, arguments, id: id, from: socket, options: options)
        case .acknowledge(let id, let arguments):
            self.acknowledge(id, arguments, from: socket)
        case .change(.join(let rooms)):
            for room in socket.enter(rooms) {
                self.connection.subscribe(to: socket.namespace.topic(room, as: socket.wireName))
            }
        case .change(.leave(let rooms)):
            for room in socket.exit(rooms) {
                self.connection.unsubscribe(from: socket.namespace.topic(room, as: socket.wireName))
            }
        case .change(.disconnect(closes: true)): self.disconnectAll()
        case .change(.disconnect(closes: false)): self.disconnect(socket)
        case .expire(let deadline): self.addExpiry(deadline)
        }
    }

    /// A client acknowledges an event that was not sent to it alone.
    func acknowledgedBroadcast(_ id: UInt64, _ arguments: SocketArguments, in namespace: Namespace) {
        let presence = self.site.state(on: self.shard).presence(named: namespace.name)
        guard let request = presence?.awaited[id] else { return }
        let answer = Answer.acknowledged(arguments.detached()[0], by: self.id, number: request.number)
        self.shard.send(NodeCommand.answer(answer), for: self.site.part, to: request.asker)
    }

    // MARK: Waiting

    /// A client as a task may hold it: it finds its way back to its own event loop, if the connection is still there then.
    struct Reference: Sendable {
        let registry: NamespaceRegistry
        fileprivate let eventLoop: any EventLoop
        fileprivate let client: NIOLoopBound<SocketClient>

        func run(
            _ body: @escaping @Sendable (SocketClient) -> Void,
            orElse: (@Sendable (Shard) -> Void)? = nil
        ) {
            self.eventLoop.execute {
                let client = self.client.value
                client.shard.receiveMail()
                if client.connection.isKnown { body(client) } else { orElse?(client.shard) }
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
        guard self.decisions.count < self.configuration.maximumNamespacesPerConnection else {
            self.registry.logger.debug(
                "Connection closed: more CONNECTs than maximumNamespacesPerConnection wait to be decided",
                metadata: ["connection": "\(self.id)"]
            )
            return self.connection.close(.forcedClose)
        }
        let reference = Reference(
            registry: self.registry,
            eventLoop: self.shard.eventLoop,
            client: NIOLoopBound(self, eventLoop: self.shard.eventLoop)
        )
        let number = (self.decisions.last?.number ?? 0) + 1
        let task = Task {
            await body(reference)
            reference.run { client in client.decisions.removeAll { $0.number == number } }
        }
        self.decisions.append(Decision(number: number, attempt: attempt, task: task))
    }

    /// - Parameter attempt: `nil`: all of them.
    func cancelDecisions(on attempt: Int? = nil) {
        for decision in self.decisions where attempt == nil || decision.attempt == attempt { decision.task.cancel() }
        if attempt == nil { self.decisions = [] }
    }
}
