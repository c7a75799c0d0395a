public import ParleyModel

/// Who is in which topic, on whichever node: for questions from outside. Topics themselves know their members from their log.
///
/// All methods throw ``StoreError``.
public protocol PresenceStore: Sendable {
    /// Adds a member behind those who are there; one that is there keeps its place, and has what is said now.
    func add(_ member: Member, to topic: TopicKey) async throws

    /// - Returns: Whether it was there.
    @discardableResult func remove(_ client: ClientID, from topic: TopicKey) async throws -> Bool

    /// In the order of joining.
    func members(of topic: TopicKey) async throws -> [Member]

    /// Removes all members that a node had, from all topics, in one step.
    /// - Returns: What was removed, by topic.
    @discardableResult func removeAll(of incarnation: NodeIncarnation) async throws -> [TopicKey: [Member]]
}
