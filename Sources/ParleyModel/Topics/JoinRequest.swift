/// What a dialect asks of the hub when a connection wants into a topic.
public struct JoinRequest: Sendable, Equatable {
    /// What happens when a member with the same `memberName`, of the same dialect, is already there.
    public enum Uniqueness: String, Sendable {
        /// Names may repeat.
        case any
        /// The newcomer is refused with ``CloseReason/duplicateUser``.
        case reject
        /// The newcomer takes the place; the older connection is closed with ``CloseReason/replaced``.
        case replace
    }

    public let topic: TopicName
    public let memberID: String
    public let memberName: String
    public let uniqueness: Uniqueness
    /// How many members of this dialect the topic may hold; `nil`: no limit.
    public let maximumMembers: Int?

    public init(
        topic: TopicName,
        memberID: String,
        memberName: String,
        uniqueness: Uniqueness = .any,
        maximumMembers: Int? = nil
    ) {
        self.topic = topic
        self.memberID = memberID
        self.memberName = memberName
        self.uniqueness = uniqueness
        self.maximumMembers = maximumMembers
    }
}

/// How a join ended.
public enum JoinOutcome: Sendable, Equatable {
    /// Membership is effective: every later publication reaches the connection.
    case joined
    case refused(CloseReason)
}
