internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
public import SocketIO
internal import Synchronization

/// A communication channel of its own over the same connections: with its own sockets, rooms, middlewares and handlers.
public final class Namespace: Sendable {
    /// With its slash.
    public let name: String
    let registry: NamespaceRegistry
    /// The parent that it was made by, if any.
    let parent: ParentNamespace?
    /// Further names by which clients may call it; what is said here is said under each.
    let aliases: [String]
    let hasOutgoingListeners = Atomic<Bool>(false)
    private let acknowledgementIDs = Atomic<UInt64>(0)
    /// How many sockets there are, on all shards; what an empty child is forgotten by.
    let socketCount = Atomic<Int>(0)
    private let behaviour = Mutex(NamespaceBehaviour())
    /// The names under which clients are here.
    let wireNames: [String]
    /// Whether its sockets can be recovered: what is said here is then a topic's history.
    let hasLog: Bool
    /// That topic; without a log, what places the namespace on a shard.
    let logKey: TopicKey

    init(name: String, registry: NamespaceRegistry, parent: ParentNamespace?, aliases: [String]) {
        self.name = name
        self.registry = registry
        self.parent = parent
        self.aliases = aliases
        self.wireNames = [name] + aliases
        self.hasLog = registry.configuration.recovery.isEnabled
        self.logKey = registry.topics.log(of: name)
    }

    // MARK: Connections

    /// Calls `handler` with every socket that joins, on its event loop.
    public func onConnection(_ handler: @escaping @Sendable (Socket) -> Void) {
        self.behaviour.withLock { $0.connectionHandlers.append(handler) }
    }

    /// Asked, in order, whether a socket may join. One that throws refuses it: a ``ConnectError`` in its own words.
    public func use(_ middleware: @escaping @Sendable (Socket) async throws -> Void) {
        self.behaviour.withLock { $0.middlewares.append(middleware) }
    }

    var middlewares: [@Sendable (Socket) async throws -> Void] {
        (self.parent?.behaviour.withLock { $0.middlewares } ?? []) + self.behaviour.withLock { $0.middlewares }
    }

    var connectionHandlers: [@Sendable (Socket) -> Void] {
        (self.parent?.behaviour.withLock { $0.connectionHandlers } ?? [])
            + self.behaviour.withLock { $0.connectionHandlers }
    }

    // MARK: Speaking

    /// Sends an event to every socket of the namespace.
    public func emit(_ event: String, _ arguments: any SocketValueConvertible...) {
        self.everybody.emit(event, arguments: SocketArguments(arguments.map(\.socketValue)))
    }

    public func emit(_ event: String, arguments: SocketArguments) {
        self.everybody.emit(event, arguments: arguments)
    }

    /// All sockets of the namespace, to be narrowed down.
    public var everybody: BroadcastOperator { BroadcastOperator(namespace: self, excluding: nil) }

    public func to(_ rooms: String...) -> BroadcastOperator { self.everybody.to(rooms) }
    public func to(_ rooms: [String]) -> BroadcastOperator { self.everybody.to(rooms) }
    /// The same as ``to(_:)-(String...)``.
    public func `in`(_ rooms: String...) -> BroadcastOperator { self.everybody.to(rooms) }
    public func except(_ rooms: String...) -> BroadcastOperator { self.everybody.except(rooms) }
    public var volatile: BroadcastOperator { self.everybody.volatile }
    public var local: BroadcastOperator { self.everybody.local }

    func mayEmit(_ event: String) -> Bool {
        guard ReservedEvent.contains(event) else { return true }
        self.registry.logger.warning("Event not sent: its name is reserved", metadata: ["event": "\(event)"])
        return false
    }

    func nextAcknowledgementID() -> UInt64 {
        self.acknowledgementIDs.add(1, ordering: .relaxed).oldValue
    }

    // MARK: Topics

    /// The topic of a room; of all sockets when `room` is `nil`.
    func topic(_ room: String?, as wireName: String) -> TopicKey {
        self.registry.topics.key(room, namespace: wireName)
    }
}

/// What an application made a namespace do.
struct NamespaceBehaviour: Sendable {
    var middlewares: [@Sendable (Socket) async throws -> Void] = []
    var connectionHandlers: [@Sendable (Socket) -> Void] = []
}

/// Thrown by a connection middleware: what the client is told.
public struct ConnectError: Error, Sendable {
    public let message: String
    public let data: SocketValue?
    /// What it is counted as.
    package let label: String

    /// What refusals of applications are counted as.
    package static let usualLabel = "connect_refused"

    public init(_ message: String, data: SocketValue? = nil) {
        self.init(message, data: data, label: Self.usualLabel)
    }

    /// - Parameter label: Bounded in number, and nothing that a peer has said.
    package init(_ message: String, data: SocketValue? = nil, label: String) {
        self.message = message
        self.data = data
        self.label = label
    }

    static let invalidNamespace = ConnectError("Invalid namespace", label: "not_found")
}

/// The topics that rooms are.
struct SocketTopics: Sendable {
    /// Where rooms of `/` live; other dialects may share it.
    let space: SpaceID
    /// Where everything else does, which is nobody else's.
    let privateSpace: SpaceID

    func key(_ room: String?, namespace: String) -> TopicKey {
        switch (room, namespace) {
        case (let room?, "/"): return TopicKey(space: self.space, name: TopicName(room))
        case (let room?, _):
            // With its length before it, so that no name of a namespace can reach into another one.
            let name = "r\(namespace.utf8.count):\(namespace)\(room)"
            return TopicKey(space: self.privateSpace, name: TopicName(name))
        case (nil, _): return TopicKey(space: self.privateSpace, name: TopicName("n\(namespace)"))
        }
    }

    /// What is said in a namespace whose sockets can be recovered.
    func log(of namespace: String) -> TopicKey {
        TopicKey(space: self.privateSpace, name: TopicName("l\(namespace)"))
    }
}
