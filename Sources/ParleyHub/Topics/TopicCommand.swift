public import ParleyModel

/// Somebody who wants to be a member of a topic.
public struct TopicJoin: Sendable, Equatable {
    public let member: Member
    public let uniqueness: JoinRequest.Uniqueness
    /// How many members of its dialect the topic may hold; `nil`: no limit.
    public let maximumMembers: Int?

    public init(member: Member, uniqueness: JoinRequest.Uniqueness = .any, maximumMembers: Int? = nil) {
        self.member = member
        self.uniqueness = uniqueness
        self.maximumMembers = maximumMembers
    }

    /// Why no topic would have it, whoever is there; `nil`: it depends.
    var hopelessness: CloseReason? {
        self.maximumMembers.map { $0 <= 0 } == true ? .roomFull : nil
    }
}

/// Something that is to be said in a topic.
public struct TopicPublish: Sendable, Equatable {
    public enum Origin: Sendable, Equatable {
        /// A member; its identity is looked up in the topic.
        case member(ClientID)
        /// Somebody who is no member: an API.
        case outside(Sender)
    }

    public let origin: Origin
    public let payload: Payload
    /// Who does not hear it.
    public let excluding: ClientID?
    /// Whether its member waits for the end of it.
    public let wantsCompletion: Bool

    public init(origin: Origin, payload: Payload, excluding: ClientID? = nil, wantsCompletion: Bool = false) {
        self.origin = origin
        self.payload = payload
        self.excluding = excluding
        self.wantsCompletion = wantsCompletion
    }

    /// A copy that owns its bytes.
    func detached() -> TopicPublish {
        TopicPublish(
            origin: self.origin,
            payload: self.payload.detached(),
            excluding: self.excluding,
            wantsCompletion: self.wantsCompletion
        )
    }

    var member: ClientID? {
        guard case .member(let client) = self.origin else { return nil }
        return client
    }
}

/// What a ``TopicMachine`` is told.
enum TopicCommand: Sendable {
    // By the connections of this node.
    case join(TopicJoin, FormatID)
    case leave(ClientID)
    case publish(TopicPublish)

    // By a broker.
    /// A record of the log: pushed, or asked for. In order as a rule, yet the machine does not rely on it.
    case accepted(TopicRecord)
    /// The broker has taken a batch, or not.
    case answered(number: UInt64, TopicAnswer)
    /// All there is, as asked for.
    case state(TopicState)
    /// The records that were asked for have been told.
    case fetched
    /// They are not kept any more.
    case trimmed
    /// How far the log is, and what was applied when that was asked.
    case tail(StreamPosition, asked: StreamPosition)
    case brokerLost
    case brokerBack
    /// It has been away for longer than anything may wait for it.
    case holdExpired

    /// Whether the history may be another after it.
    var changesHistory: Bool {
        switch self {
        case .publish, .accepted, .state: true
        case .join, .leave, .answered, .fetched, .trimmed, .tail, .brokerLost, .brokerBack, .holdExpired: false
        }
    }
}
