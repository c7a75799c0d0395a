internal import EngineIO
public import Logging
internal import NIOCore
package import ParleyHub
package import ParleyModel
public import SocketIO
internal import Synchronization

/// A Socket.IO server: namespaces, and the sockets in them.
///
/// ```swift
/// let io = SocketIOServer()
/// io.onConnection { socket in
///     socket.on("chat message") { event in
///         io.emit("chat message", arguments: event.arguments)
///     }
/// }
/// try await io.run(port: 3000)
/// ```
///
/// What is said here without naming a namespace is said in `/`.
public final class SocketIOServer: Sendable {
    public let configuration: SocketIOConfiguration
    package let logger: Logger
    let registry: NamespaceRegistry

    /// Spaces of servers that share theirs with nobody; counted down, as those of dialects are counted up.
    private static let nextSpace = Atomic<UInt16>(.max - 1)

    public convenience init(
        _ configuration: SocketIOConfiguration = SocketIOConfiguration(),
        logger: Logger = Logger(label: "socket.io")
    ) {
        self.init(configuration, space: nil, logger: logger)
    }

    /// - Parameter space: Where the rooms of `/` live; `nil`: in a space that nobody else uses.
    package init(
        _ configuration: SocketIOConfiguration,
        space: SpaceID?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.logger = logger
        if configuration.cors?.expectsCredentialsInVain == true {
            logger.warning("CORSPolicy(.any) goes without credentials: name the origins of pages that bring cookies")
        }
        let privateSpace = SpaceID(rawValue: Self.nextSpace.subtract(1, ordering: .relaxed).oldValue)
        let topics = SocketTopics(space: space ?? privateSpace, privateSpace: privateSpace)
        self.registry = NamespaceRegistry(configuration, topics: topics, logger: logger)
        _ = self.of("/")
    }

    /// Where topics may be kept that nobody can ask for by name.
    package var privateSpace: SpaceID { self.registry.topics.privateSpace }

    // MARK: Namespaces

    /// The namespace of that name, which exists from now on. A missing slash is put before it.
    public func of(_ name: String) -> Namespace { self.registry.of(name) }

    /// Namespaces whose names match a regular expression as a whole, made when a client asks for one.
    ///
    /// Patterns and predicates are tried in the order of their declaration, after the names themselves.
    /// - Throws: When `pattern` is no regular expression.
    public func of(matching pattern: String) throws -> ParentNamespace { try self.registry.of(matching: pattern) }

    /// Namespaces that a predicate allows, made when a client asks for one.
    /// - Parameter isAllowed: Given the name and the client's auth object.
    public func of(
        where isAllowed: @escaping @Sendable (_ name: String, _ auth: SocketValue) async -> Bool
    ) -> ParentNamespace {
        self.registry.of(where: isAllowed)
    }

    /// Whether a namespace of that name exists now.
    public func hasNamespace(_ name: String) -> Bool { self.registry.hasNamespace(name) }

    // MARK: The namespace /

    /// Calls `handler` with every socket that joins `/`.
    public func onConnection(_ handler: @escaping @Sendable (Socket) -> Void) { self.of("/").onConnection(handler) }

    /// Asked whether a socket may join `/`.
    public func use(_ middleware: @escaping @Sendable (Socket) async throws -> Void) { self.of("/").use(middleware) }

    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.of("/").emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func emit(_ event: String, arguments: SocketArguments) { self.of("/").emit(event, arguments: arguments) }
    public func to(_ rooms: String...) -> BroadcastOperator { self.of("/").to(rooms) }
    public func to(_ rooms: [String]) -> BroadcastOperator { self.of("/").to(rooms) }
    public func `in`(_ rooms: String...) -> BroadcastOperator { self.of("/").to(rooms) }
    public func except(_ rooms: String...) -> BroadcastOperator { self.of("/").everybody.except(rooms) }
    public var volatile: BroadcastOperator { self.of("/").volatile }
    public var local: BroadcastOperator { self.of("/").local }
    public func fetchSockets() async throws -> [RemoteSocket] { try await self.of("/").everybody.fetchSockets() }
    public func socketsJoin(_ rooms: String...) async throws {
        try await self.of("/").everybody.socketsJoin(rooms)
    }
    public func socketsLeave(_ rooms: String...) async throws {
        try await self.of("/").everybody.socketsLeave(rooms)
    }
    public func disconnectSockets(close: Bool = false) async throws {
        try await self.of("/").everybody.disconnectSockets(close: close)
    }

    // MARK: Numbers

    /// What a server holds at a moment.
    public struct Census: Sendable, Equatable {
        /// Engine.IO sessions.
        public var sessions = 0
        /// Sockets in namespaces.
        public var sockets = 0
        /// Polls that are held.
        public var heldPolls = 0

        public init() {}
    }

    public func census() async throws -> Census {
        guard let site = self.registry.site else { return Census() }
        let parts = try await site.hub.collect { shard in
            var census = Census()
            census.sockets = site.state(on: shard).socketCount
            shard.forEachConnection { connection in
                guard let engine = (connection.delegate as? any EngineConnectionHolder)?.engineConnection,
                    (engine.host.application as? SocketIOServer) === self, engine.session.transport != nil
                else { return }
                census.sessions += 1
                if engine.session.hasHeldPoll { census.heldPolls += 1 }
            }
            return census
        }
        return parts.reduce(into: Census()) { total, part in
            total.sessions += part.sessions
            total.sockets += part.sockets
            total.heldPolls += part.heldPolls
        }
    }
}

extension SocketIOServer: EngineApplication {
    /// Gives the server a hub to live in; what was emitted before went to nobody.
    package func attach(_ site: Site) {
        let site = SocketIOSite(site)
        self.registry.attach(site)
        site.hub.install(SocketIOPart(registry: self.registry, site: site), as: site.part)
    }

    package func makeUser(of connection: EngineConnection) -> any EngineUser {
        guard let site = self.registry.site else { preconditionFailure("Sessions come after the server was attached.") }
        return SocketClient(connection, self.registry, site)
    }

    /// Before the hub is made: what it keeps of namespaces whose sockets can be recovered. Not in a store, as sockets do not outlive
    /// the process.
    package func setPolicy(in hub: inout HubConfiguration) {
        let recovery = self.configuration.recovery
        guard let duration = recovery.maximumDisconnection else { return }
        hub.policies[self.privateSpace] = SpacePolicy(
            history: HistoryPolicy(
                limit: recovery.maximumEvents,
                maximumBytes: recovery.maximumBytes,
                maximumAge: duration
            ),
            retention: duration,
            isStored: false
        )
    }
}
