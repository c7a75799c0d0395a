internal import EngineIO
internal import NIOCore
internal import ParleyDialects
package import ParleyHub
package import ParleyModel
package import ParleySocketIO
internal import ParleyTransport
internal import SocketIO
internal import Synchronization

/// The event gateway: sessions, one router of events, and two protocols over it.
package final class Gateway: Sendable {
    package let services: GatewayServices
    let authentication: GatewayAuthentication
    let router: EventRouter
    let events: BuiltInEvents
    let io: SocketIOServer
    let nativeFormat: FormatID
    private let live: GatewayLive

    /// Of a native message, as of a Socket.IO one; close code 1009 beyond it.
    static let maximumMessageBytes = 1_000_000

    /// - Parameters:
    ///   - nativeFormat: Registered before the hub was made.
    ///   - storeChanged: Told when the store of sessions falls into trouble, and when it works again.
    package init(
        _ configuration: GatewayConfiguration,
        io: SocketIOServer,
        router: EventRouter,
        hub: Hub,
        nativeFormat: FormatID,
        storeChanged: @escaping @Sendable (StoreHealth.Change) -> Void,
        wallTime: @escaping @Sendable () -> WallTime
    ) {
        let live = GatewayLive(io: io, hub: hub, nativeFormat: nativeFormat)
        self.live = live
        let sessions = SessionDirectory(configuration.sessions ?? MemorySessionStore(), report: storeChanged)
        let chat = configuration.chat ?? BuiltInChatProvider()
        self.services = GatewayServices(
            configuration: configuration,
            sessions: sessions,
            chat: chat,
            live: live,
            wallTime: wallTime
        )
        self.authentication = GatewayAuthentication(sessions: sessions, wallTime: wallTime)
        self.io = io
        self.nativeFormat = nativeFormat
        self.router = router
        self.events = BuiltInEvents(
            configuration: configuration,
            chat: chat,
            activeConnections: { live.activeConnections },
            wallTime: wallTime
        )
        // What an application has put there before stays.
        let own = EventRouter()
        self.events.register(on: own)
        router.adopt(own)
        self.serveSocketIO()
    }

    func opened() { self.live.count.add(1, ordering: .relaxed) }
    func closed() { self.live.count.subtract(1, ordering: .relaxed) }

    /// The topics of native connections of a session.
    func topics(of session: GatewaySession) -> [TopicKey] {
        [self.live.everybody, self.live.topic(session: session.token)]
            + (session.userID.map { [self.live.topic(user: $0.value)] } ?? [])
    }

    /// Asks for the session of a connection once more. It was asked for before the connection could be found by it: a logout
    /// in between has missed it, every later one does not.
    func confirm(_ session: GatewaySession, gone: @escaping @Sendable () -> Void) {
        Task {
            do throws(GatewayAuthentication.Failure) {
                _ = try await self.authentication.session(session.token)
            } catch {
                if error != .unavailable { gone() }
            }
        }
    }

    // MARK: Socket.IO

    /// How the gateway's Socket.IO server is configured.
    static func socketIOConfiguration(
        _ configuration: GatewayConfiguration,
        backlogBytes: Int,
        frameTimeout: Double
    ) -> SocketIOConfiguration {
        var options = SocketIOConfiguration()
        options.attachmentTimeout = TimeAmount(frameTimeout)
        options.maximumQueuedBytes = max(options.maximumQueuedBytes, backlogBytes)
        options.engine.packetCap = configuration.packetCap
        let path = configuration.webSocketPath
        for alias in ["/socket.io", "/ws", path] where alias != "/" {
            let alias = alias.hasSuffix("/") ? String(alias.dropLast()) : alias
            options.namespaceAliases[alias] = "/"
            options.namespaceAliases[alias + "/"] = "/"
        }
        if !configuration.isCORSDisabled { options.cors = CORSPolicy(configuration.origins) }
        return options
    }

    private func serveSocketIO() {
        self.io.use { socket in
            let token =
                socket.handshake.auth["token"]?.string ?? socket.handshake.query["token"]
                ?? AuthorizationField.bearer(socket.request.header("Authorization"))
            do throws(GatewayAuthentication.Failure) {
                let session = try await self.authentication.session(token)
                socket.data = session.socketData
                socket.join(["session:\(session.token)"] + (session.userID.map { ["user:\($0)"] } ?? []))
            } catch {
                throw ConnectError(error.rawValue, label: error.refusal.label)
            }
        }
        self.io.onConnection { self.serve($0) }
    }

    private func serve(_ socket: Socket) {
        guard let session = GatewaySession(socketData: socket.data) else { return socket.disconnect(close: true) }
        let id = socket.id
        let client = GatewayConnection(
            socketID: id,
            wireProtocol: .socketIO,
            session: session,
            rateLimit: self.services.configuration.rateLimitEvents,
            rooms: { [weak socket] in socket.map { Self.rooms($0, of: session) } ?? [] },
            transport: { [weak socket] in socket?.presentTransport.rawValue ?? "websocket" },
            emit: { [weak socket] event, data, attachments in
                let value = SocketValue.json(data)
                // Whoever made placeholders has counted them.
                let whole = attachments.isEmpty ? value : (try? value.substitutingAttachments(attachments)) ?? value
                socket?.emit(event, arguments: SocketArguments([whole]))
            }
        )
        socket.onAny { event in
            guard client.allowsEvent(at: .now()) else {
                client.emitError("Rate limit exceeded")
                return event.socket.disconnect(close: true)
            }
            let data = event.arguments.isEmpty ? nil : event.arguments[0].jsonAndAttachments
            self.router.dispatch(
                GatewayEvent(
                    name: event.name,
                    data: data?.json,
                    attachments: data?.attachments ?? [],
                    connection: client
                )
            )
        }
        socket.onDisconnect { _ in
            client.closed()
            self.closed()
        }
        let remaining = session.expiresAt.milliseconds - self.services.wallTime().milliseconds
        socket.disconnect(at: .now() + .milliseconds(max(0, remaining)))
        self.opened()
        self.events.greet(client)
        self.confirm(session) { [weak socket] in socket?.disconnect(close: true) }
    }

    /// The rooms as a client sees them: its token must not stand there.
    private static func rooms(_ socket: Socket, of session: GatewaySession) -> [String] {
        let own = "session:\(session.token)"
        let others = socket.rooms.subtracting([socket.id, own]).sorted()
        return [socket.id, "session:\(GatewayToken.masked(session.token))"] + others
    }
}

extension GatewaySession {
    fileprivate var socketData: SocketValue {
        [
            "token": .string(self.token), "userId": self.userID.map { .string($0.value) } ?? .null,
            "isLoggedIn": .bool(self.isLoggedIn), "createdAt": .int(self.createdAt.milliseconds),
            "expiresAt": .int(self.expiresAt.milliseconds),
        ]
    }

    fileprivate init?(socketData: SocketValue) {
        guard let token = socketData["token"]?.string, let created = socketData["createdAt"]?.int,
            let expires = socketData["expiresAt"]?.int
        else { return nil }
        self.init(
            token: token,
            userID: (socketData["userId"]?.string).map { UserID($0) },
            isLoggedIn: socketData["isLoggedIn"]?.bool ?? false,
            createdAt: WallTime(milliseconds: Int64(created)),
            expiresAt: WallTime(milliseconds: Int64(expires))
        )
    }
}

/// The gateway's connections as its REST API sees them.
final class GatewayLive: GatewayLiveConnections {
    let count = Atomic<Int>(0)
    private let io: SocketIOServer
    private let hub: Hub
    private let nativeFormat: FormatID

    init(io: SocketIOServer, hub: Hub, nativeFormat: FormatID) {
        self.io = io
        self.hub = hub
        self.nativeFormat = nativeFormat
    }

    var activeConnections: Int { self.count.load(ordering: .relaxed) }

    /// All native connections.
    var everybody: TopicKey { self.topic("all") }
    func topic(session token: String) -> TopicKey { self.topic("session:\(token)") }
    func topic(user id: String) -> TopicKey { self.topic("user:\(id)") }

    /// Nobody else has topics here: a token must not be a room that others can join.
    private func topic(_ name: String) -> TopicKey { TopicKey(space: self.io.privateSpace, name: TopicName(name)) }

    func end(session token: String) async {
        let topic = self.topic(session: token)
        _ = try? await self.hub.collect { shard in
            for connection in shard.recipients(of: Audience(topics: [topic])) {
                connection.delegate?.expelled(.sessionEnded)
            }
        }
        try? await self.io.in("session:\(token)").disconnectSockets(close: true)
    }

    func emit(event: String, data: ByteBuffer, session: String?, user: String?) async -> Int {
        let named = [session.map { self.topic(session: $0) }, user.map { self.topic(user: $0) }].compactMap(\.self)
        let topics = named.isEmpty ? [self.everybody] : named
        let message = NativeEvent(event: event, data: data, format: self.nativeFormat)
        let audience = Audience(topics: topics)
        let native = try? await self.hub.collect { shard in
            let recipients = shard.recipients(of: audience)
            shard.deliver(message, to: recipients)
            return recipients.count
        }
        let rooms = [session.map { "session:\($0)" }, user.map { "user:\($0)" }].compactMap(\.self)
        let sockets = self.io.to(rooms)
        // Those who are there before: whoever comes in between is one of them or is not, as with every event.
        let count = (try? await sockets.count()) ?? 0
        sockets.emit(event, arguments: SocketArguments([.json(data)]))
        return (native ?? []).reduce(count, +)
    }
}

/// An event for native connections.
private struct NativeEvent: FormattedMessage {
    let event: String
    let data: ByteBuffer
    let format: FormatID

    func write(as format: FormatID, into wire: inout ByteBuffer) {
        guard format == self.format else { return }
        let tools = LoopTools.current
        tools.withScratch { message in
            GatewayFrame.write(self.event, self.data, into: &message)
            tools.writeFrame(.text, message, windowBits: nil, into: &wire)
        }
    }
}

/// The wire format of native connections. They are in no topic that the hub orders.
final class GatewayFormat: WireFormat {
    let dialect = DialectName.eventGateway
    func encode(_ event: TopicEvent, in topic: some TopicView, into wire: inout ByteBuffer) {}
    func encodeWelcome(for member: Member, in topic: some TopicView, into wire: inout ByteBuffer) {}
}
