public import ParleyModel

/// Whom a message is for: everybody subscribed to one of some topics, each once, but for those subscribed to one of others.
public struct Audience: Sendable, Equatable {
    public var topics: [TopicKey]
    /// Who is subscribed to one of these does not receive it.
    public var excludedTopics: [TopicKey]
    public var excluding: ConnectionID?
    /// Whether it is lost for connections whose transport does not take it at once.
    public var isVolatile: Bool

    public init(
        topics: [TopicKey],
        excludedTopics: [TopicKey] = [],
        excluding: ConnectionID? = nil,
        isVolatile: Bool = false
    ) {
        self.topics = topics
        self.excludedTopics = excludedTopics
        self.excluding = excluding
        self.isVolatile = isVolatile
    }
}
