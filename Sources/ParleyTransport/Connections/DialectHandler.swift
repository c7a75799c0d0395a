internal import Logging
package import NIOCore
internal import ParleyDialects
internal import ParleyHub
package import ParleyModel

/// A WebSocket connection that speaks a dialect: messages to ``DialectMachine``, what it says to the hub, and back.
///
/// No other target names it. Were it internal, the compiler would warn of the initializer that it does not inherit.
package final class DialectHandler: WebSocketHandler {
    private var dialect: DialectMachine
    private let observer: (any ConnectionObserver)?
    private let openedAt: NIODeadline

    init(_ acceptance: Acceptance, _ environment: HandshakeEnvironment) {
        self.dialect = DialectMachine(acceptance.dialect)
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
    package override func begin() {
        guard let connection = self.connection else { return }
        self.observer?.opened(connection.id)
        if let move = self.dialect.opened(&self.shard.context) {
            self.perform(move)
        } else {
            self.answerHandshake()
        }
    }

    package override func ended(_ end: End) {
        guard case .lost = end, let connection = self.connection else { return }
        self.observer?.closed(connection.id)
        self.profile.logEnded(connection.id, after: self.shard.eventLoop.now - self.openedAt)
    }

    override func leave() {
        self.dialect.left()
        super.leave()
    }

    // MARK: In

    package override func received(_ kind: MessageKind, _ message: ByteBuffer) {
        let shard = self.shard
        shard.metrics.receivedMessages += 1
        switch self.dialect.received(kind, message, &shard.context) {
        case .nothing:
            break
        case .drop:
            shard.metrics.droppedMessages += 1
        case .reply(let kind, let message):
            self.send(kind, message)
        case .publish(let payload, let topic, let includingSender):
            guard let connection = self.connection else { return }
            shard.publish(
                payload,
                from: connection,
                to: topic,
                includingSender: includingSender,
                wantsCompletion: self.dialect.acknowledgesPublications
            )
        case .move(let move):
            self.perform(move)
        case .hold:
            self.machine.hold()
        case .close(let reason):
            self.close(reason)
        }
    }

    private func perform(_ move: DialectMachine.Move) {
        guard let connection = self.connection else { return }
        if let topic = move.leaving { self.shard.leave(connection, topic) }
        self.machine.hold()
        self.shard.join(connection, move.request)
    }

    // MARK: ConnectionDelegate

    package override func joinWillComplete() {
        self.answerHandshake()
    }

    package override func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) {
        guard let action = self.dialect.joinCompleted(topic, outcome) else { return }
        self.machine.release()
        switch action {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        case .close(let reason): self.close(reason)
        }
        self.releaseHeldInput()
    }

    package override func publishCompleted(_ topic: TopicKey) {
        switch self.dialect.publishCompleted() {
        case .none: break
        case .reply(let kind, let message): self.send(kind, message)
        }
        if let move = self.dialect.nextMove() { self.perform(move) }
    }
}
