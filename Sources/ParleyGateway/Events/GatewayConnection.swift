public import NIOCore
internal import ParleyDialects
public import ParleyHub
public import ParleyModel
internal import Synchronization

/// A client of the event gateway, whichever protocol it speaks. May be used from anywhere.
public final class GatewayConnection: Sendable {
    public enum WireProtocol: Sendable {
        case nativeWebSocket
        case socketIO
    }

    /// What the client knows itself by.
    public let socketID: String
    public let wireProtocol: WireProtocol
    /// The session that it came with, as it was then.
    public let session: GatewaySession

    private struct State {
        var isOpen = true
        var nextWork = 0
        var work: [Int: Task<Void, Never>] = [:]
        var rate: EventRateLimit
    }

    private let state: Mutex<State>
    private let emitJSON: @Sendable (_ event: String, _ data: ByteBuffer, _ attachments: [ByteBuffer]) -> Void
    private let describeRooms: @Sendable () -> [String]
    private let describeTransport: @Sendable () -> String

    /// - Parameters:
    ///   - rooms: Masked, as they are shown to the client.
    ///   - transport: Called on the connection's event loop only.
    init(
        socketID: String,
        wireProtocol: WireProtocol,
        session: GatewaySession,
        rateLimit: Int,
        rooms: @escaping @Sendable () -> [String] = { [] },
        transport: @escaping @Sendable () -> String = { "websocket" },
        emit: @escaping @Sendable (_ event: String, _ data: ByteBuffer, _ attachments: [ByteBuffer]) -> Void
    ) {
        self.socketID = socketID
        self.wireProtocol = wireProtocol
        self.session = session
        self.state = Mutex(State(rate: EventRateLimit(limit: rateLimit)))
        self.describeRooms = rooms
        self.describeTransport = transport
        self.emitJSON = emit
    }

    /// Sends an event to this client.
    /// - Parameters:
    ///   - data: One JSON value.
    ///   - attachments: The bytes that its placeholders stand for (``GatewayEvent/attachments``). Native clients get the
    ///     placeholders, as their messages are text.
    public func emit(_ event: String, _ data: ByteBuffer, attachments: [ByteBuffer] = []) {
        self.emitJSON(event, data, attachments)
    }

    /// Sends an event whose data is the object that `body` writes.
    public func emit(
        _ event: String,
        attachments: [ByteBuffer] = [],
        _ body: (inout JSONObjectWriter) -> Void
    ) {
        self.emitJSON(event, JSONObjectWriter.object(body), attachments)
    }

    /// Runs `work` until it is done or the client is gone.
    /// - Parameter maximum: How much may be going on at a time for one client.
    /// - Returns: False when that much is going on already.
    @discardableResult
    public func run(atMost maximum: Int = .max, _ work: @escaping @Sendable () async -> Void) -> Bool {
        self.state.withLock { state in
            guard state.isOpen else { return true }
            guard state.work.count < maximum else { return false }
            let id = state.nextWork
            state.nextWork += 1
            state.work[id] = Task {
                await work()
                self.state.withLock { $0.work[id] = nil }
            }
            return true
        }
    }

    var rooms: [String] { self.describeRooms() }
    var transport: String { self.describeTransport() }

    func allowsEvent(at now: NIODeadline) -> Bool { self.state.withLock { $0.rate.allows(at: now) } }

    /// The client is gone: whatever is done for it ends.
    func closed() {
        let work = self.state.withLock { state in
            state.isOpen = false
            defer { state.work = [:] }
            return state.work
        }
        for task in work.values { task.cancel() }
    }
}

/// Something that a client of the gateway said.
public struct GatewayEvent: Sendable {
    public let name: String
    /// One JSON value as it came; `nil` when there was none. For bytes in it `{"_placeholder":true,"num":0}` stands.
    public let data: ByteBuffer?
    /// The bytes themselves, each at the place that its placeholder numbers: from clients of Socket.IO alone.
    public let attachments: [ByteBuffer]
    public let connection: GatewayConnection

    init(name: String, data: ByteBuffer?, attachments: [ByteBuffer] = [], connection: GatewayConnection) {
        self.name = name
        self.data = data
        self.attachments = attachments
        self.connection = connection
    }
}
