internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO

/// What a Socket.IO server tells itself on another shard: data, that could as well go to another process.
enum NodeCommand: ShardCommand {
    // To the shard from which something is said: for those who have none, and to the home of a namespace with a log.
    case speak(Speech)
    case deliverInOrder(Delivery, namespace: String)
    case askAll(Question)

    // To every shard.
    case broadcast(Broadcast)
    case ask(Question)
    /// Nobody waits for acknowledgements with this number any more.
    case settled(acknowledgement: UInt64, namespace: String)
    /// A namespace has nobody left.
    case forget(namespace: String)

    // To the shard of a connection.
    case deliver(Delivery)
    case order(SocketOrder, to: SocketAddress)

    // To the shard where a question was asked.
    case answer(Answer)

    // To the home of a namespace with a log, and from there to the shard of a connection.
    case recovery(RecoveryQuestion, namespace: String)
    case recovered(RecoveryAnswer, for: ConnectAttempt)
    /// A client is back before its former connection was noticed to be dead: close that, then ask again.
    case supplant(ConnectionID, AbsentSockets.Request, for: ConnectAttempt)

    var byteCount: Int {
        switch self {
        case .broadcast(let broadcast): broadcast.packets.reduce(0) { $0 + $1.byteCount }
        case .deliver(let delivery), .deliverInOrder(let delivery, _): delivery.byteCount
        case .speak, .askAll, .ask, .settled, .forget, .order, .answer, .recovery, .recovered, .supplant: 0
        }
    }
}

/// An event that is to be sent to a selection.
struct Speech: Sendable {
    let namespace: String
    let event: String
    let arguments: SocketArguments
    let selection: Selection
    let request: AcknowledgementRequest?
}

/// An event on its way to every shard.
struct Broadcast: Sendable {
    let namespace: String
    let event: String
    var arguments: SocketArguments
    let selection: Selection
    /// One for each of the namespace's names.
    let packets: [EncodedPacket]
    let request: AcknowledgementRequest?

    /// A copy that owns its bytes.
    func detached() -> Broadcast {
        var copy = self
        copy.arguments = self.arguments.detached()
        return copy
    }
}

/// Something for one connection.
struct Delivery: Sendable {
    enum Content: Sendable {
        case packet(EncodedPacket)
        /// An event that is in no log, and ends with the newest position nevertheless.
        case unlogged(EncodedEvent, wireName: String)
        /// Everything has been said: the connection is closed when it has heard this from everywhere.
        case farewell
    }

    let connection: ConnectionID
    let content: Content
    var compresses = true

    var byteCount: Int {
        guard case .packet(let packet) = self.content else { return 0 }
        return packet.byteCount
    }
}

/// Where a socket is.
struct SocketAddress: Sendable {
    let connection: ConnectionID
    let socketID: String
}

/// What a socket is told to do, from elsewhere than its event loop.
enum SocketOrder: Sendable {
    case emit(String, SocketArguments, id: UInt64?, EmitOptions)
    case acknowledge(UInt64, SocketArguments)
    case change(RoomChange)
    case expire(NIODeadline)
}
