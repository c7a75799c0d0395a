public import NIOCore
public import ParleyModel

/// What governs session chat rooms. Defaults are those of the original (specification, *Limits*).
public struct SessionChatConfiguration: Sendable, Equatable {
    /// Members of one room; the next one is closed with ``CloseReason/roomFull``.
    public var maximumUsersPerRoom = 100
    /// UTF-16 code units of one message; a longer one is dropped in silence.
    public var maximumMessageLength = 1000
    /// What happens to a second connection of a user in one room.
    public var duplicateUser = JoinRequest.Uniqueness.reject

    public init() {}
}

/// One session chat connection: each message is the text of a chat line, each answer a snapshot of the room.
///
/// Source: session chat specification, *Client -> server* and *Rooms and lifecycle*.
public struct SessionChatDialect: Dialect {
    private let userID: UserID
    private let room: TopicName
    private let configuration: SessionChatConfiguration

    /// - Parameters:
    ///   - userID: Claim `userId` of the verified token.
    ///   - room: Claim `roomId`.
    public init(userID: UserID, room: TopicName, configuration: SessionChatConfiguration) {
        self.userID = userID
        self.room = room
        self.configuration = configuration
    }

    public mutating func opened(_ context: inout DialectContext) -> OpenAction {
        .join(
            JoinRequest(
                topic: self.room,
                memberID: self.userID.value,
                memberName: self.userID.value,
                uniqueness: self.configuration.duplicateUser,
                maximumMembers: self.configuration.maximumUsersPerRoom
            )
        )
    }

    public mutating func received(
        _ kind: MessageKind,
        _ message: ByteBuffer,
        _ context: inout DialectContext
    ) -> ReceiveAction {
        if kind == .binary, !TextLength.isUTF8(message) {
            return .close(.notUTF8)
        }
        guard TextLength.utf16(of: message) <= self.configuration.maximumMessageLength else { return .drop }
        return .publish(.text(message), includingSender: true)
    }

    public mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction {
        switch outcome {
        // The snapshot that the join causes is the greeting.
        case .joined: return .none
        case .refused(let reason): return .close(reason)
        }
    }
}
