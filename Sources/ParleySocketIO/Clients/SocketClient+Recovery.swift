internal import EngineIO
internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// CONNECTs that wait for the home of a namespace, and what its answers are for.
struct ConnectQuestions {
    enum Subject {
        case restoring(Namespace, wireName: String, Handshake, attempt: Int)
        case catchingUp(Socket, MissedEvents, attempt: Int)
    }

    private var subjects: [(number: Int, subject: Subject)] = []

    mutating func add(_ subject: Subject) -> Int {
        let number = (self.subjects.last?.number ?? 0) + 1
        self.subjects.append((number, subject))
        return number
    }

    mutating func take(_ number: Int) -> Subject? {
        guard let index = self.subjects.firstIndex(where: { $0.number == number }) else { return nil }
        return self.subjects.remove(at: index).subject
    }
}

/// What is done about a socket whose client is gone, by whoever knows of it last.
struct Departures: Sendable {
    let registry: NamespaceRegistry
    let site: SocketIOSite

    /// Tells the home of a namespace with a log something of its sockets.
    func ask(_ question: RecoveryQuestion, of namespace: Namespace, from shard: Shard) {
        shard.send(
            NodeCommand.recovery(question, namespace: namespace.name),
            for: self.site.part,
            to: shard.home(of: namespace.logKey)
        )
    }

    /// A socket that was never there: it was refused, or its connection is gone, or its attempt was.
    /// - Parameter mayReturn: Whether a restored one may be restored again.
    func abandon(_ socket: Socket, on shard: Shard, mayReturn: Bool = true) {
        if mayReturn { self.giveBack(socket, from: shard) }
        let acknowledgements = socket.state.withLock { state in
            let acknowledgements = state.acknowledgements
            state.phase = .disconnected
            state.handlers = [:]
            state.extras = nil
            state.acknowledgements = [:]
            return acknowledgements
        }
        for pending in acknowledgements.values { pending.complete(.failure(.disconnected)) }
        self.registry.socketWasRefused(socket.namespace)
    }

    /// A restored socket never came to be: its client may try again.
    private func giveBack(_ socket: Socket, from shard: Shard) {
        guard socket.isRecovered, socket.namespace.hasLog else { return }
        let (rooms, heard) = socket.state.withLock { ($0.rooms, $0.heard) }
        guard let session = socket.session(rooms: rooms, heard: heard) else { return }
        self.ask(.putBack(session), of: socket.namespace, from: shard)
    }
}

/// How sockets are kept for clients that come back. The namespace's home shard has the say.
extension SocketClient {
    var departures: Departures { Departures(registry: self.registry, site: self.site) }

    func registerForRecovery(_ socket: Socket) {
        guard socket.namespace.hasLog, let privateID = socket.privateID else { return }
        self.departures.ask(.opened(privateID: privateID, by: self.id), of: socket.namespace, from: self.shard)
    }

    func storeForRecovery(_ socket: Socket, rooms: Set<ExactString>, _ reason: DisconnectReason) {
        guard socket.namespace.hasLog, let privateID = socket.privateID else { return }
        let heard = self.site.state(on: self.shard).presence(named: socket.namespace.name)?.heard
        let question: RecoveryQuestion =
            if reason.isRecoverable, let session = socket.session(rooms: rooms, heard: heard) {
                .left(session, by: self.id)
            } else {
                .closed(privateID: privateID, by: self.id)
            }
        self.departures.ask(question, of: socket.namespace, from: self.shard)
    }

    // MARK: Coming back

    /// Asks for the socket of a private id.
    func restore(
        _ privateID: String,
        _ claim: RecoveryClaim,
        in namespace: Namespace,
        as wireName: String,
        _ handshake: Handshake,
        attempt: Int
    ) {
        let request = AbsentSockets.Request(privateID: privateID, wireName: wireName, claim: claim)
        let waiting = self.wait(
            for: .restoring(namespace, wireName: wireName, handshake, attempt: attempt),
            namespace
        )
        self.departures.ask(.restore(request, for: waiting, mayClose: true), of: namespace, from: self.shard)
    }

    /// Hears what was said while middlewares thought about a restored socket.
    func catchUp(_ socket: Socket, _ missed: MissedEvents, attempt: Int) {
        let waiting = self.wait(for: .catchingUp(socket, missed, attempt: attempt), socket.namespace)
        let question = RecoveryQuestion.missed(
            after: missed.newest,
            by: socket.id,
            in: socket.state.withLock { $0.rooms },
            for: waiting
        )
        self.departures.ask(question, of: socket.namespace, from: self.shard)
    }

    private func wait(for subject: ConnectQuestions.Subject, _ namespace: Namespace) -> ConnectAttempt {
        ConnectAttempt(connection: self.id, number: self.questions.add(subject), namespace: namespace.name)
    }

    /// The home has answered.
    func take(_ answer: RecoveryAnswer, for attempt: ConnectAttempt) {
        switch (self.questions.take(attempt.number), answer) {
        case (.restoring(let namespace, let wireName, let handshake, let attempt)?, .restored(let restored)):
            let socket = self.makeSocket(namespace, wireName, handshake, restoring: restored?.session)
            self.admit(socket, missed: restored?.missed, attempt: attempt)
        case (.catchingUp(let socket, var missed, let attempt)?, .missed(let more)):
            guard let more, !more.isDisconnected else {
                // More than the log holds, or it was made to leave: the client comes back, as a new one.
                self.departures.abandon(socket, on: self.shard, mayReturn: false)
                return self.connection.close(.transportError)
            }
            missed.append(more)
            socket.state.withLock { state in
                state.rooms = more.rooms
                state.heard = more.newest
            }
            self.join(socket, missed: missed, attempt: attempt)
        case (_, _): break
        }
    }
}

extension Socket {
    /// - Parameter heard: Up to where it has heard the log.
    fileprivate func session(rooms: Set<ExactString>, heard: StreamPosition?) -> RecoverableSession? {
        guard let privateID = self.privateID, let heard, let joined = self.state.withLock({ $0.joined }) else {
            return nil
        }
        return RecoverableSession(
            id: self.id,
            privateID: privateID,
            wireName: self.wireName,
            rooms: rooms,
            data: self.data,
            joined: joined,
            heard: heard
        )
    }
}
