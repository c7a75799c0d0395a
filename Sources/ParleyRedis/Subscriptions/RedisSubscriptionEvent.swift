/// What happens to a channel that is subscribed to.
package enum RedisSubscriptionEvent: Sendable {
    /// What is published from now on is heard. After an interruption: what was not heard, to be closed from elsewhere.
    case subscribed(gap: RedisGap?)
    /// Nothing is heard for now. It is subscribed to again as soon as that can be.
    case interrupted
    case message(RedisMessage)
    /// The server does not let us, and the subscription has ended.
    case refused(RedisError)
}
