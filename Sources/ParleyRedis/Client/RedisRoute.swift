internal import NIOCore

/// How commands and subscriptions reach the server that is responsible for them. Confined to the client's event loop.
protocol RedisRoute: AnyObject {
    func start()
    func send(_ pending: RedisPending)
    /// - Parameter unheardSince: When it was last heard, if it was.
    func subscribe(to channel: RedisChannel, unheardSince: NIODeadline?)
    func unsubscribe(from channel: RedisChannel)
    /// Ends every connection; what waits fails.
    func close()
    /// Connections for commands, and for subscriptions.
    var links: [RedisLink] { get }
}

/// What a route tells the client.
enum RedisRouteEvent {
    case commandLink(RedisAddress?, RedisLinkState)
    case subscriptionLink(RedisAddress?, RedisLinkState)
    case subscription(RedisSubscriptionMachine.Action)
    case message(RedisMessage)
    case roundTrip(TimeAmount)
    /// The server is a node of a cluster: who waits is to go another way.
    case foundCluster(RedisAddress, [RedisPending])
    /// These are the nodes of a cluster that have slots.
    case mapChanged([RedisAddress])
    /// Nobody can say who is responsible.
    case unavailable(RedisError)
}
