internal import EngineIO
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import ParleyTransport

/// A WebSocket of Engine.IO: it carries a session from the beginning, or probes and takes one over.
final class EngineWebSocketHandler: WebSocketHandler, EngineWebSocketDriver, EngineConnectionHolder {
    private enum Role {
        case waiting(EngineWebSocketAcceptance.Purpose)
        case probing(EngineConnection)
        case carrying(EngineConnection)
        case over
    }

    private let host: EngineHost
    private var role: Role

    init(_ acceptance: EngineWebSocketAcceptance, _ environment: HandshakeEnvironment) {
        self.host = acceptance.host
        self.role = .waiting(acceptance.purpose)
        super.init(environment, profile: acceptance.profile) { _ in .distantFuture }
    }

    var engineConnection: EngineConnection? {
        if case .carrying(let connection) = self.role { return connection }
        return nil
    }

    override func begin() {
        guard case .waiting(let purpose) = self.role else { return }
        self.answerHandshake()
        switch purpose {
        case .open(let request, let sessionID): self.open(request, sessionID)
        case .upgrade(let id):
            if let connection = self.host.connection(id, on: self.shard), connection.probeBegan(self) {
                self.role = .probing(connection)
            } else {
                // A session has one WebSocket; it goes on as it is.
                self.role = .over
                self.close(.normal)
            }
        }
    }

    private func open(_ request: ConnectionRequest, _ sessionID: String?) {
        let connection = EngineConnection(
            host: self.host,
            shard: self.shard,
            request: request,
            sessionID: sessionID ?? RandomIdentifier.urlSafe(length: 20, using: &self.shard.context.random),
            driver: self,
            place: nil
        )
        self.role = .carrying(connection)
        if !connection.open() { connection.close(.transportError) }
    }

    // MARK: From the client

    override func received(_ kind: MessageKind, _ message: ByteBuffer) {
        switch self.role {
        case .carrying(let connection):
            connection.webSocketReceived(kind, message)
        case .probing(let connection):
            switch connection.probeReceived(kind, message) {
            case .goesOn, .ended: break
            case .upgraded: self.role = .carrying(connection)
            case .closed:
                self.role = .over
                self.close(.normal)
            }
        case .waiting, .over:
            break
        }
    }

    override func ended(_ end: End) {
        let role = self.role
        self.role = .over
        switch role {
        case .carrying(let connection): connection.webSocketEnded(end == .failed ? .transportError : .transportClose)
        case .probing(let connection): connection.probeEnded()
        case .waiting, .over: break
        }
    }

    override func drained() { self.engineConnection?.drained() }

    // MARK: EngineWebSocketDriver

    func sendProbe(_ text: ByteBuffer) { self.send(.text, text) }

    /// Everything that the session has to say goes the hub's way from here on; the probe's answer went before.
    func attach(_ connection: Connection) { self.serve(connection) }

    var bufferedBytes: Int { self.waitingBytes }

    var formatKind: SocketIOFormats.Kind {
        if case .waiting(.open(let request, _)) = self.role, request.query.revision == .three {
            return .webSocketRevision3
        }
        if case .probing(let connection) = self.role, connection.session.revision == .three {
            return .webSocketRevision3
        }
        return .webSocket(windowBits: self.windowBits)
    }

    override func close(_ reason: CloseReason) {
        self.role = .over
        super.close(reason)
    }

    // MARK: ConnectionDelegate

    override func expelled(_ reason: CloseReason) {
        guard let connection = self.engineConnection else { return self.close(reason) }
        if reason == .slowConsumer { self.shard.metrics.slowConsumerCloses += 1 }
        connection.close(.slowConsumer, code: reason)
    }

    override func shutDown() {
        guard let connection = self.engineConnection else { return super.shutDown() }
        connection.shutDown()
    }

    override func wake(now: NIODeadline) {
        let connection = self.engineConnection
        super.wake(now: now)
        connection?.tick(now)
    }
}
