internal import Logging
internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel

/// A WebSocket connection that speaks a dialect: messages to its machine, actions to the hub, and back.
///
/// Rules of the dialect are ``Dialect``'s.
final class DialectHandler: WebSocketHandler {
    private var dialect: any Dialect
    private let observer: (any ConnectionObserver)?
    /// The topic that the dialect publishes to.
    private var topic: TopicKey?
    /// Publications of this connection that have not come round yet.
    private var unacknowledged = 0
    /// A move that waits for them.
    private var postponedJoin: JoinRequest?
    private let openedAt: NIODeadline

    init(_ acceptance: Acceptance, _ environment: HandshakeEnvironment) {
        self.dialect = acceptance.dialect
        self.observer = acceptance.observer
        self.openedAt = environment.shard.eventLoop.now
        super.init(environment, profile: acceptance.profile) { acceptance.expiry(now: $0) }
        guard let formats = acceptance.profile.formats else {
            preconditionFailure("The profile of a dialect names its wire formats.")
        }
        self.serve(
            environment.shard.open(
                dialect: acceptance.profile.dialect,
                format: formats.format(for: environment.compression),
                policy: acceptance.profile.slowConsumer,
                delegate: self
            )
        )
        self.profile.logOpened(self.connection, from: environment.client)
    }

    // MARK: Life

    /// Where the dialect joins a topic first, the handshake's answer waits for the join: a client that has it may rely on hearing
    /// whatever is said from then on, whichever event loop the topic is at home on.
    override func begin() {
        guard let connection = self.connection else { return }
        self.observer?.opened(connection.id)
        switch self.dialect.opened(&self.shard.context) {
        case .none: self.answerHandshake()
        case .join(let request): self.join(request)
        }
    }

    override func ended(_ end: End) {
        guard case .lost = end, let connection = self.connection else { return }
        self.observer?.closed(connection.id)
        self.profile.logEnded(connection.id, after: self.shard.eventLoop.now - self.openedAt)
    }

    override func leave() {
        self.topic = nil
        super.leave()
    }

    // MARK: In

    override func received(_ kind: MessageKind, _ message: ByteBuffer) {
        self.shard.metrics.receivedMessages += 1
        switch self.dialect.received(kind, message, &self.shard.context) {
        case .drop:
            self.shard.metrics.droppedMessages += 1
        case .reply(let kind, let message):
            self.send(kind, message)
        case .join(let request):
            self.move(to: request)
        case .publish(let payload, let includingSender):
            guard let topic = self.topic, let connection = self.connection else { return }
            if self.dialect.acknowledgesPublications { self.unacknowledged += 1 }
            self.shard.publish(
                payload,
                from: connection,
                to: topic,
                includingSender: includingSender,
                wantsCompletion: self.dialect.acknowledgesPublications
            )
        case .close(let reason):
            self.close(reason)
        }
    }

    /// Leaves the present topic and joins another, once everything published before has come round: it is still to be heard.
    private func move(to request: JoinRequest) {
        guard self.unacknowledged == 0 else {
            self.machine.hold()
            self.postponedJoin = request
            return
        }
        if let topic = self.topic, let connection = self.connection {
            self.topic = nil
            self.shard.leave(connection, topic)
        }
        self.join(request)
    }

    private func join(_ request: JoinRequest) {
        guard let connection = self.connection else { return }
        self.machine.hold()
        self.shard.join(connection, request)
    }

    private var isJoining: Bool {
        if case .holding = self.machine.phase { return true }
        return false
    }

    // MARK: ConnectionDelegate

    override func joinWillComplete() {
        self.answerHandshake()
    }

    override func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {
        guard self.isJoining else { return }
        self.machine.release()
        if outcome == .joined { self.topic = topic }
        switch self.dialect.joinCompleted(outcome) {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        case .close(let reason): self.close(reason)
        }
        self.releaseHeldInput()
    }

    override func publishCompleted(_ topic: TopicKey) {
        self.unacknowledged -= 1
        defer {
            if self.unacknowledged == 0, let request = self.postponedJoin, self.isJoining {
                self.postponedJoin = nil
                self.move(to: request)
            }
        }
        switch self.dialect.publishCompleted() {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        }
    }
}
