internal import EngineIO
public import Logging
internal import NIOCore
internal import ParleyHub
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
    let topics: SocketTopics

    /// Set for an ``EngineIOServer``: who is given the sessions instead of namespaces.
    let onSession: (@Sendable (EngineIOSession) -> Void)?

    private struct Registry {
        var namespaces: [ExactString: Namespace] = [:]
        var parents: [ParentNamespace] = []
    }

    private let registry = Mutex(Registry())
    private let hasWarnedOfAlias = Atomic<Bool>(false)
    private let attachment = Mutex<Site?>(nil)

    /// Spaces of servers that share theirs with nobody; counted down, as those of dialects are counted up.
    private static let nextSpace = Atomic<UInt16>(.max - 1)

    public convenience init(
        _ configuration: SocketIOConfiguration = SocketIOConfiguration(),
        logger: Logger = Logger(label: "socket.io")
    ) {
        self.init(configuration, space: nil, logger: logger, onSession: nil)
    }

    /// - Parameter space: Where the rooms of `/` live; `nil`: in a space that nobody else uses.
    package init(
        _ configuration: SocketIOConfiguration,
        space: SpaceID?,
        logger: Logger,
        onSession: (@Sendable (EngineIOSession) -> Void)? = nil
    ) {
        self.configuration = configuration
        self.onSession = onSession
        self.logger = logger
        if configuration.cors?.expectsCredentialsInVain == true {
            logger.warning("CORSPolicy(.any) goes without credentials: name the origins of pages that bring cookies")
        }
        let privateSpace = SpaceID(rawValue: Self.nextSpace.subtract(1, ordering: .relaxed).oldValue)
        self.topics = SocketTopics(space: space ?? privateSpace, privateSpace: privateSpace)
        _ = self.of("/")
    }

    /// Gives the server a hub to live in; what was emitted before went to nobody.
    package func attach(_ site: Site) {
        self.attachment.withLock { $0 = site }
        site.hub.install(SocketIOPart(server: self, site: site), as: site.part)
    }

    package var site: Site? { self.attachment.withLock { $0 } }

    /// Where topics may be kept that nobody can ask for by name.
    package var privateSpace: SpaceID { self.topics.privateSpace }

    // MARK: Namespaces

    /// The namespace of that name, which exists from now on. A missing slash is put before it.
    public func of(_ name: String) -> Namespace {
        let name = Self.normalized(name)
        return self.registry.withLock { registry in
            if let namespace = registry.namespaces[ExactString(name)] { return namespace }
            let aliases = self.configuration.namespaceAliases
            let namespace = Namespace(
                name: name,
                server: self,
                parent: nil,
                aliases: aliases.filter { Self.normalized($0.value).hasSameBytes(as: name) }.map(\.key).sorted()
            )
            registry.namespaces[ExactString(name)] = namespace
            return namespace
        }
    }

    /// Namespaces whose names match a regular expression as a whole, made when a client asks for one.
    ///
    /// Patterns and predicates are tried in the order of their declaration, after the names themselves.
    /// - Throws: When `pattern` is no regular expression.
    public func of(matching pattern: String) throws -> ParentNamespace {
        let pattern = NamespacePattern(try Regex(pattern))
        return self.add(ParentNamespace(allowsAtOnce: pattern.matches) { _, _ in false })
    }

    /// Namespaces that a predicate allows, made when a client asks for one.
    /// - Parameter isAllowed: Given the name and the client's auth object.
    public func of(
        where isAllowed: @escaping @Sendable (_ name: String, _ auth: SocketValue) async -> Bool
    ) -> ParentNamespace {
        self.add(ParentNamespace(allowsAtOnce: nil, allows: isAllowed))
    }

    private func add(_ parent: ParentNamespace) -> ParentNamespace {
        self.registry.withLock { $0.parents.append(parent) }
        return parent
    }

    /// Whether a namespace of that name exists now.
    public func hasNamespace(_ name: String) -> Bool {
        self.registry.withLock { $0.namespaces[ExactString(Self.normalized(name))] != nil }
    }

    /// The namespace of that name, if there is one.
    func namespace(named name: String) -> Namespace? {
        self.registry.withLock { $0.namespaces[ExactString(name)] }
    }

    private static func normalized(_ name: String) -> String { name.hasPrefix("/") ? name : "/" + name }

    /// The namespace that a client may have under a name, as far as that is known without asking a predicate.
    enum Lookup {
        case found(Namespace)
        /// These have to be asked, in order.
        case ask([ParentNamespace])
    }

    func lookUp(_ wireName: String) -> Lookup {
        let alias = self.configuration.namespaceAliases.first { $0.key.hasSameBytes(as: wireName) }
        if let target = alias?.value {
            // Loud once: a client that does it does it always, and there may be many.
            self.logger.log(
                level: self.hasWarnedOfAlias.exchange(true, ordering: .relaxed) ? .debug : .warning,
                "A client took a path for a namespace: the URL given to io() must not have one",
                metadata: ["namespace": "\(wireName)"]
            )
            return .found(self.of(target))
        }
        let parents: [ParentNamespace]
        switch self.registry.withLock({ ($0.namespaces[ExactString(wireName)], $0.parents) }) {
        case (let namespace?, _): return .found(namespace)
        case (nil, let all): parents = all
        }
        for (index, parent) in parents.enumerated() {
            guard let allowsAtOnce = parent.allowsAtOnce else { return .ask(Array(parents[index...])) }
            if allowsAtOnce(wireName) { return .found(self.child(wireName, of: parent)) }
        }
        return .ask([])
    }

    /// The child that a parent has under a name.
    func child(_ name: String, of parent: ParentNamespace) -> Namespace {
        self.registry.withLock { registry in
            if let namespace = registry.namespaces[ExactString(name)] { return namespace }
            let namespace = Namespace(name: name, server: self, parent: parent, aliases: [])
            registry.namespaces[ExactString(name)] = namespace
            parent.adopt(namespace)
            return namespace
        }
    }

    /// A child's last socket has left.
    func socketLeft(_ namespace: Namespace) {
        guard namespace.socketCount.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
        self.forgetIfEmpty(namespace)
    }

    private func forgetIfEmpty(_ namespace: Namespace) {
        guard let parent = namespace.parent, self.configuration.cleansUpEmptyChildNamespaces, let site = self.site
        else {
            return
        }
        let isEmpty = self.registry.withLock { registry -> Bool in
            guard namespace.socketCount.load(ordering: .sequentiallyConsistent) == 0,
                registry.namespaces[ExactString(namespace.name)] === namespace
            else { return false }
            registry.namespaces[ExactString(namespace.name)] = nil
            return true
        }
        guard isEmpty else { return }
        parent.forget(namespace)
        for shard in 0..<site.hub.shardCount {
            site.hub.post(NodeCommand.forget(namespace: namespace.name), for: site.part, to: shard)
        }
    }

    /// A socket was not let in: a child that was made for it may have nobody.
    func socketWasRefused(_ namespace: Namespace) {
        guard namespace.parent != nil, namespace.socketCount.load(ordering: .sequentiallyConsistent) == 0 else {
            return
        }
        self.forgetIfEmpty(namespace)
    }

    /// Counts a socket in, unless the namespace has been forgotten in the meantime.
    func socketJoins(_ namespace: Namespace) -> Bool {
        self.registry.withLock { registry in
            guard registry.namespaces[ExactString(namespace.name)] === namespace else { return false }
            namespace.socketCount.add(1, ordering: .sequentiallyConsistent)
            return true
        }
    }

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
        guard let site = self.site else { return Census() }
        let parts = try await site.hub.collect { shard in
            var census = Census()
            census.sockets = site.state(on: shard).socketCount
            shard.forEachConnection { connection in
                guard let engine = (connection.delegate as? any EngineConnectionHolder)?.engineConnection,
                    engine.host.server === self, engine.session.transport != nil
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

/// A regular expression that all event loops share: compiled once, and used by one of them at a time.
private final class NamespacePattern: Sendable {
    private let pattern: Mutex<Regex<AnyRegexOutput>>

    init(_ pattern: sending Regex<AnyRegexOutput>) {
        self.pattern = Mutex(pattern)
    }

    func matches(_ name: String) -> Bool { self.pattern.withLock { (try? $0.wholeMatch(in: name)) != nil } }
}
