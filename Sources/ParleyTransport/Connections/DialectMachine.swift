internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel

/// Where a connection that speaks a dialect stands in the hub: which topic it is in, and when it may move to another.
///
/// Rules of the dialect are ``Dialect``'s. What a connection has published is still to be heard where it was said, so that a move
/// waits for it; and nothing that the client says is looked at while it is between topics.
struct DialectMachine {
    private enum State {
        case settled
        /// The hub has been asked.
        case joining
        /// A move that waits for publications to come round.
        case postponed(JoinRequest)
    }

    /// What is to be done about a message.
    enum Step: Equatable {
        case nothing
        /// Counted as dropped.
        case drop
        case reply(MessageKind, ByteBuffer)
        case publish(Payload, to: TopicKey, includingSender: Bool)
        /// Hold what arrives, and go there.
        case move(Move)
        /// Hold what arrives; ``DialectMachine/nextMove()`` follows.
        case hold
        case close(CloseReason)
    }

    struct Move: Equatable {
        /// To be left first.
        let leaving: TopicKey?
        let request: JoinRequest
    }

    private var dialect: any Dialect
    /// Whether the hub is to say when a publication has come round.
    let acknowledgesPublications: Bool
    /// The topic that the dialect publishes to.
    private(set) var topic: TopicKey?
    /// Publications of this connection that have not come round yet.
    private var unacknowledged = 0
    private var state = State.settled

    init(_ dialect: any Dialect) {
        self.dialect = dialect
        self.acknowledgesPublications = dialect.acknowledgesPublications
    }

    /// The connection begins.
    /// - Returns: Where it joins first, and its handshake is answered once it has; `nil` when it is answered at once.
    mutating func opened(_ context: inout DialectContext) -> Move? {
        switch self.dialect.opened(&context) {
        case .none: return nil
        case .join(let request): return self.move(to: request)
        }
    }

    mutating func received(_ kind: MessageKind, _ message: ByteBuffer, _ context: inout DialectContext) -> Step {
        switch self.dialect.received(kind, message, &context) {
        case .drop:
            return .drop
        case .reply(let kind, let message):
            return .reply(kind, message)
        case .publish(let payload, let includingSender):
            guard let topic = self.topic else { return .nothing }
            if self.acknowledgesPublications { self.unacknowledged += 1 }
            return .publish(payload, to: topic, includingSender: includingSender)
        case .join(let request):
            guard self.unacknowledged == 0 else {
                self.state = .postponed(request)
                return .hold
            }
            return .move(self.move(to: request))
        case .close(let reason):
            return .close(reason)
        }
    }

    /// The hub has answered a join.
    /// - Returns: What follows; `nil` when nobody waits for it any more.
    mutating func joinCompleted(_ topic: TopicKey, _ outcome: JoinOutcome) -> JoinedAction? {
        guard case .joining = self.state else { return nil }
        self.state = .settled
        if outcome == .joined { self.topic = topic }
        return self.dialect.joinCompleted(outcome)
    }

    /// A publication has come round; ``nextMove()`` may follow.
    mutating func publishCompleted() -> PublishedAction {
        self.unacknowledged -= 1
        return self.dialect.publishCompleted()
    }

    /// - Returns: The move that has waited, when it need not wait any longer.
    mutating func nextMove() -> Move? {
        guard self.unacknowledged == 0, case .postponed(let request) = self.state else { return nil }
        return self.move(to: request)
    }

    /// Nothing more is to be heard of any topic.
    mutating func left() {
        self.topic = nil
        self.state = .settled
    }

    private mutating func move(to request: JoinRequest) -> Move {
        self.state = .joining
        return Move(leaving: self.topic.take(), request: request)
    }
}
