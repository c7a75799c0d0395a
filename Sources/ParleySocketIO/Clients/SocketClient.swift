internal import EngineIO
internal import Logging
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// The client at the other end of an Engine.IO session: what it says in Socket.IO, and the sockets that it has.
///
/// Confined to the session's event loop. It decides nothing: rules of packets are ``SocketConnection``'s.
final class SocketClient {
    struct Member {
        let wireName: String
        let socket: Socket
    }

    let connection: EngineConnection
    let registry: NamespaceRegistry
    let site: SocketIOSite
    var machine: SocketConnection
    var members: [Member] = []
    /// Sockets that middlewares are asked about.
    var candidates: [Socket] = []
    /// What CONNECTs wait for at present.
    var decisions: [Decision] = []
    /// CONNECTs that wait for the home of a namespace.
    var questions = ConnectQuestions()
    /// How many home shards must have been gone by before the connection is closed.
    var awaitedFarewells = 0
    /// `nil`: every packet is complete.
    var unfinishedPacket: UnfinishedPacket?
    /// When the application wants it gone.
    private var expiry: NIODeadline?

    init(_ connection: EngineConnection, _ registry: NamespaceRegistry, _ site: SocketIOSite) {
        let configuration = registry.configuration
        self.connection = connection
        self.registry = registry
        self.site = site
        self.machine = SocketConnection(
            parser: configuration.parser,
            limits: configuration.packets,
            revision: connection.session.revision == .three ? .four : .five,
            connectDeadline: connection.shard.eventLoop.now + configuration.connectTimeout,
            maximumNamespaces: configuration.maximumNamespacesPerConnection
        )
    }

    var shard: Shard { self.connection.shard }
    var id: ConnectionID { self.connection.id }
    var configuration: SocketIOConfiguration { self.registry.configuration }

    func socket(in wireName: String) -> Socket? {
        self.members.first { $0.wireName.hasSameBytes(as: wireName) }?.socket
    }

    /// The socket of an id, also while it is decided on.
    func socket(id: String) -> Socket? {
        self.members.first { $0.socket.id.hasSameBytes(as: id) }?.socket
            ?? self.candidates.last { $0.id.hasSameBytes(as: id) }
    }

    func send(_ packet: EncodedPacket, compresses: Bool = true) {
        self.connection.send(packet, compresses: compresses)
    }

    func addExpiry(_ deadline: NIODeadline) {
        self.expiry = min(deadline, self.expiry ?? deadline)
        self.connection.scheduleWake()
    }
}

@available(*, unavailable)
extension SocketClient: Sendable {}

extension SocketClient: EngineUser {
    func opened() {
        // Clients of Socket.IO 2 are in `/` without asking.
        if self.connection.session.revision == .three {
            self.received(ByteBuffer(string: "0"), isBinary: false)
        }
    }

    func received(_ message: ByteBuffer, isBinary: Bool) {
        let action = self.machine.receive(message, isBinary: isBinary)
        if self.unfinishedPacket != nil || self.machine.unfinishedBytes > 0 { self.accountForUnfinishedPacket() }
        switch action {
        case .none:
            break
        case .event(let wireName, let name, let arguments, let id):
            guard let socket = self.socket(in: wireName) else { return }
            socket.dispatch(SocketEvent(socket: socket, name: name, arguments: arguments, id: id))
        case .ack(let wireName, let arguments, let id):
            guard let socket = self.socket(in: wireName) else { return }
            self.acknowledged(id, arguments, by: socket)
        case .connect(let wireName, let auth, let attempt, let replaced):
            if let replaced { self.cancelDecisions(on: replaced) }
            self.connect(wireName, auth: auth, attempt: attempt)
        case .disconnect(let wireName):
            guard let socket = self.socket(in: wireName) else { return }
            self.remove(socket, .clientNamespaceDisconnect)
        case .close(let failure):
            self.registry.logger.debug(
                "Connection closed: a packet broke a rule",
                metadata: ["connection": "\(self.id)", "reason": "\(failure)"]
            )
            self.connection.close(.forcedClose)
        }
    }

    private func acknowledged(_ id: UInt64, _ arguments: SocketArguments, by socket: Socket) {
        if let pending = socket.takeAcknowledgement(id) {
            pending.complete(.success(arguments.detached()))
        } else {
            self.acknowledgedBroadcast(id, arguments, in: socket.namespace)
        }
    }

    func drained() {
        for member in self.members { member.socket.notifyDrain() }
    }

    func closed(_ reason: EngineCloseReason) {
        self.removeAll(DisconnectReason(reason))
        if reason == .transportClose { self.cancelDecisions() }
    }

    func released() {
        self.cancelDecisions()
        self.candidates = []
        self.unfinishedPacket = nil
    }

    // MARK: Time

    var deadline: NIODeadline {
        var deadline = self.machine.connectDeadline ?? .distantFuture
        if let expiry { deadline = min(deadline, expiry) }
        if let packet = self.unfinishedPacket { deadline = min(deadline, packet.deadline) }
        return deadline
    }

    func tick(_ now: NIODeadline) {
        if let deadline = self.machine.connectDeadline, deadline <= now { self.connection.close(.forcedServerClose) }
        if let packet = self.unfinishedPacket, packet.deadline <= now { self.dropUnfinishedPacket(.unfinishedMessage) }
        if let expiry = self.expiry, expiry <= now {
            self.expiry = nil
            self.disconnectAll()
        }
    }
}

extension SocketClient: SocketOwner {
    var transport: EngineConfiguration.Transport? { self.connection.session.transport }
    var bufferedBytes: Int { self.connection.bufferedBytes }
    func receiveMail() { self.shard.receiveMail() }
}
