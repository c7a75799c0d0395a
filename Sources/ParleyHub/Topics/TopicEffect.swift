internal import ParleyModel

/// What a ``TopicMachine`` wants done, in this order, before it is told anything else.
enum TopicEffect: Sendable {
    /// Every subscriber of this node hears it, but for one.
    case deliver(TopicEvent, excluding: ClientID?)
    /// The join of a connection of this node has succeeded: it is welcomed, and a subscriber from now on.
    case admit(Member, FormatID)
    case refuse(ClientID, CloseReason)
    /// A connection of this node has left, and is no subscriber any more.
    case release(ClientID, FormatID)
    /// A connection of this node was removed by others: it is no subscriber any more, and is to be closed.
    case expel(ClientID, FormatID, CloseReason)
    /// A publication whose sender asked for it has been told to all.
    case complete(ClientID)
    /// A publication is not going to be told to anybody.
    case refusePublication(ClientID, wantsCompletion: Bool)
    /// Nothing of this node is in the topic any more, or on its way there.
    case emptied

    // To a broker.
    case propose(TopicBatch)
    /// The answer is ``TopicCommand/state(_:)``, to be asked for when records are pushed already.
    case requestState
    /// The answer is ``TopicCommand/accepted(_:)`` for each record that follows, and then ``TopicCommand/fetched``; or
    /// ``TopicCommand/trimmed``.
    case fetch(after: StreamPosition)
    /// A member has missed something: it is to be closed with ``CloseReason/insufficientState``, or sent everything anew where its
    /// dialect's messages are complete in themselves.
    case missed(ClientID, FormatID)
    /// A member is to be closed, and stays a member until it leaves.
    case close(ClientID, CloseReason)
}
