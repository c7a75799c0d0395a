public import EngineIO
public import NIOCore
internal import ParleyHub
internal import ParleyModel
public import SocketIO
internal import Synchronization

/// One client in one namespace: what an application talks to.
///
/// May be used from anywhere. On the connection's event loop, where handlers run, everything happens at once; from elsewhere it
/// is handed over, in order. Handlers must not block; those that wait are `async`.
///
/// ```swift
/// io.onConnection { socket in
///     socket.on("message") { event in
///         socket.broadcast.emit("message", arguments: event.arguments)
///         event.acknowledge("delivered")
///     }
/// }
/// ```
public final class Socket: Sendable {
    /// 20 characters, unlike those of the session; the name of the room that this socket alone is in.
    public let id: String
    public let namespace: Namespace
    public let handshake: Handshake
    /// Whether it is the continuation of a socket that had lost its connection, with its rooms and data.
    public let isRecovered: Bool
    /// The namespace as the client calls it; not its name when the client used an alias.
    let wireName: String
    /// The secret by which the client may recover it; `nil` without recovery.
    let privateID: String?

    let eventLoop: any EventLoop
    /// What its connection is for all nodes.
    let client: ClientID
    var hubID: ConnectionID { self.client.connection }
    private let boundOwner: NIOLoopBound<any SocketOwner>
    let state: Mutex<SocketState>

    init(
        id: String,
        namespace: Namespace,
        wireName: String,
        handshake: Handshake,
        privateID: String?,
        restoring session: RecoverableSession? = nil,
        owner: any SocketOwner,
        eventLoop: any EventLoop,
        client: ClientID
    ) {
        self.id = id
        self.namespace = namespace
        self.wireName = wireName
        self.handshake = handshake
        self.privateID = privateID
        self.isRecovered = session != nil
        self.eventLoop = eventLoop
        self.client = client
        self.boundOwner = NIOLoopBound(owner, eventLoop: eventLoop)
        var state = SocketState()
        if let session {
            state.rooms = session.rooms
            state.data = session.data
            state.joined = session.joined
            state.heard = session.heard
        }
        self.state = Mutex(state)
    }

    /// On the event loop only.
    var owner: any SocketOwner { self.boundOwner.value }

    /// Has something done on the event loop: at once if this is it, elsewhere behind everything that was said to it from here.
    ///
    /// What the order has must own its bytes where it is given elsewhere.
    func perform(_ order: SocketOrder) {
        if self.eventLoop.inEventLoop {
            self.owner.perform(order, for: self)
        } else if let site = self.namespace.registry.site {
            let address = SocketAddress(connection: self.hubID, socketID: self.id)
            site.hub.tell(NodeCommand.order(order, to: address), for: site.part, to: Int(self.hubID.shard))
        }
    }

    // MARK: State

    public var isConnected: Bool { self.state.withLock { $0.phase == .connected } }

    /// The rooms that it is in, its own included while it is connected.
    public var rooms: SocketRooms {
        self.state.withLock { state in
            SocketRooms(state.phase == .disconnected ? state.rooms : state.rooms.union([ExactString(self.id)]))
        }
    }

    /// Whatever the application wants to remember; survives recovery.
    public var data: SocketValue {
        get { self.state.withLock { $0.data } }
        set {
            // What came from the wire is a slice of a read buffer, which must not be kept for it.
            let value = newValue.detached()
            self.state.withLock { $0.data = value }
        }
    }

    /// Whether long-polling or WebSocket carries the connection at present.
    public func transport() async -> EngineConfiguration.Transport {
        await self.ask { $0.transport } ?? .polling
    }

    /// The same, on the connection's event loop only.
    package var presentTransport: EngineConfiguration.Transport { self.owner.transport ?? .polling }

    /// Bytes that wait because the client does not read as fast as it is sent to.
    public func bufferedBytes() async -> Int {
        await self.ask { $0.bufferedBytes }
    }

    /// A question to its own event loop, for an answer here and now: no other shard is told anything.
    private func ask<Value: Sendable>(_ body: @escaping @Sendable (any SocketOwner) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            self.eventLoop.execute {
                let owner = self.owner
                owner.receiveMail()
                continuation.resume(returning: body(owner))
            }
        }
    }

    /// As another shard may know it.
    var socketDescription: SocketDescription {
        SocketDescription(id: self.id, handshake: self.handshake, rooms: self.rooms, data: self.data)
    }

    /// What the connection's request was; the same for all its namespaces.
    public var request: ConnectionRequest { self.handshake.request }

    // MARK: Leaving

    /// Makes the socket leave its namespace; the connection stays, with whatever else is on it.
    /// - Parameter close: Whether the whole connection is closed, after every namespace on it was told.
    public func disconnect(close: Bool = false) {
        self.perform(.change(.disconnect(closes: close)))
    }

    /// Disconnects the whole connection at `deadline`, on the event loop's clock, give or take a tenth of a second.
    public func disconnect(at deadline: NIODeadline) {
        self.perform(.expire(deadline))
    }
}

/// The client that has a socket. Confined to its event loop.
protocol SocketOwner: AnyObject {
    func socket(in wireName: String) -> Socket?
    func emit(_ event: String, _ arguments: SocketArguments, id: UInt64?, from socket: Socket, options: EmitOptions)
    func acknowledge(_ id: UInt64, _ arguments: SocketArguments, from socket: Socket)
    func perform(_ order: SocketOrder, for socket: Socket)
    /// Hears what other shards have said.
    func receiveMail()
    var transport: EngineConfiguration.Transport? { get }
    /// Bytes that wait for the client.
    var bufferedBytes: Int { get }
}

/// What changes about a socket.
struct SocketState: Sendable {
    enum Phase: Sendable, Equatable {
        /// Middlewares are still being asked.
        case connecting
        case connected
        case disconnected
    }

    var phase = Phase.connecting
    /// Without its own.
    var rooms: Set<ExactString> = []
    /// What ``RecoverableSession/joined`` and ``RecoverableSession/heard`` will be; `nil` without a log.
    var joined: StreamPosition?
    var heard: StreamPosition?
    var data = SocketValue.object([:])
    var handlers: [ExactString: [EventHandler]] = [:]
    var acknowledgements: [UInt64: PendingAcknowledgement] = [:]
    /// What few sockets have; in a list of one, so that the others pay a word for it.
    var extras: SocketExtras? {
        get { self.extrasList.first }
        set { self.extrasList = newValue.map { [$0] } ?? [] }
    }
    private var extrasList: [SocketExtras] = []
}

/// Handlers and middlewares that few sockets have.
struct SocketExtras: Sendable {
    var any: [EventHandler] = []
    var anyOutgoing: [@Sendable (String, SocketArguments) -> Void] = []
    var middlewares: [@Sendable (SocketEvent) throws -> Void] = []
    var disconnecting: [@Sendable (DisconnectReason) -> Void] = []
    var disconnect: [@Sendable (DisconnectReason) -> Void] = []
    var error: [@Sendable (any Error) -> Void] = []
    var drain: [@Sendable () -> Void] = []
}

struct EventHandler: Sendable {
    enum Body: Sendable {
        case immediate(@Sendable (SocketEvent) -> Void)
        case waiting(@Sendable (SocketEvent) async -> Void)
    }

    let body: Body
    var isOnce = false

    func call(_ event: SocketEvent) {
        switch self.body {
        case .immediate(let body): body(event)
        case .waiting(let body):
            // Begins here and now, so that events are handed over in their order; what follows the first wait does not hold
            // the next event up.
            let event = event.detached()
            Task.immediate { await body(event) }
        }
    }
}
