internal import NIOCore
internal import RESP

/// All goes to one server, be its address known or with sentinels: one connection for commands and one for subscriptions.
final class RedisSingleRoute: RedisRoute {
    private let factory: RedisLinkFactory
    private let tell: (RedisRouteEvent) -> Void
    private let place: RedisLink.Place
    private let resolver: RedisSentinelResolver?
    private let commands: RedisLink
    private var subscriber: RedisSubscriber?
    /// Channels that were led on, which wait before they are asked for again.
    private var astray: Set<RedisChannel> = []

    init(_ factory: RedisLinkFactory, tell: @escaping (RedisRouteEvent) -> Void) {
        self.factory = factory
        self.tell = tell
        switch factory.endpoint.topology {
        case .sentinel(let sentinels, let name):
            let resolver = RedisSentinelResolver(
                sentinels,
                name: name,
                factory.endpoint,
                factory.configuration,
                tls: factory.tls,
                eventLoop: factory.eventLoop,
                seed: factory.nextSeed()
            )
            self.resolver = resolver
            self.place = .sentinel(resolver)
        case .server(let address):
            self.resolver = nil
            self.place = .address(address)
        case .cluster(let addresses):
            self.resolver = nil
            self.place = .address(addresses[0])
        }
        self.commands = factory.makeLink(
            to: self.place,
            isForSubscriptions: false,
            leavesClusters: self.resolver == nil
        )
        self.commands.onAction { self.commandsDid($0) }
        self.resolver?.onFound { self.found($0) }
    }

    var links: [RedisLink] { [self.commands] + (self.subscriber.map { [$0.link] } ?? []) }

    func start() { self.commands.start() }

    func send(_ pending: RedisPending) { self.commands.send(pending) }

    func subscribe(to channel: RedisChannel, unheardSince: NIODeadline?) {
        // The connection for commands finds out whether this is a cluster, where subscriptions go other ways.
        self.commands.start()
        self.madeSubscriber().subscribe(to: channel, unheardSince: unheardSince)
    }

    func unsubscribe(from channel: RedisChannel) {
        self.astray.remove(channel)
        self.subscriber?.unsubscribe(from: channel)
    }

    func close() {
        self.astray = []
        self.resolver?.close()
        self.commands.close()
        self.subscriber?.close()
    }

    private func madeSubscriber() -> RedisSubscriber {
        if let subscriber = self.subscriber { return subscriber }
        let subscriber = self.factory.makeSubscriber(to: self.place)
        subscriber.onEvents(
            action: { action in
                if case .moved(let channel, _, let since) = action {
                    self.ledOn(channel, unheardSince: since)
                } else {
                    self.tell(.subscription(action))
                }
            },
            message: { self.tell(.message($0)) },
            state: { self.tell(.subscriptionLink(self.subscriber?.link.address, $0)) }
        )
        self.subscriber = subscriber
        return subscriber
    }

    /// There are no other nodes here: it is as good as interrupted, and asked for again after a while.
    private func ledOn(_ channel: RedisChannel, unheardSince: NIODeadline?) {
        self.tell(.subscription(.interrupted(channel)))
        self.astray.insert(channel)
        self.factory.eventLoop.assumeIsolated().scheduleTask(in: RedisClusterMachine.pause) {
            guard self.astray.remove(channel) != nil else { return }
            self.subscriber?.subscribe(to: channel, unheardSince: unheardSince)
        }
    }

    private func commandsDid(_ action: RedisLink.Machine.Action) {
        switch action {
        case .answer(let value, let pending, let roundTrip):
            self.tell(.roundTrip(roundTrip))
            guard let error = value.error else { return pending.answer(.success(value)) }
            self.refused(error, pending)
        case .fail(let error, let pending): pending.answer(.failure(error))
        case .up(let identity): self.tell(.commandLink(self.commands.address, .up(identity)))
        case .down(let error, let delay, _):
            self.tell(.commandLink(self.commands.address, .down(error, retryIn: delay)))
        case .foundCluster(let waiting):
            guard let address = self.commands.address else { return }
            self.tell(.foundCluster(address, waiting))
        case .connect, .disconnect, .write, .message, .subscribed, .unsubscribed, .refused: break
        }
    }

    private func refused(_ error: RESPErrorReply, _ pending: RedisPending) {
        let retry = RedisRetry(
            error,
            of: pending.command,
            from: self.commands.address ?? RedisAddress("", 0),
            redirections: pending.redirections,
            maximum: self.factory.configuration.maximumRedirections,
            isClustered: false
        )
        if retry == .withSource, let command = pending.command.withSource {
            var pending = pending
            pending.command = command
            pending.redirections += 1
            return self.commands.send(pending)
        }
        pending.answer(.failure(RedisError(reply: error, command: pending.command.name)))
        if error.code == "READONLY" {
            // The primary has become a replica, and says so to nobody who does not write.
            let sentence = "the server has become a replica: expected the primary, which alone can be written to"
            self.reconnect(RedisError(.notPrimary, sentence))
        }
    }

    /// A sentinel has said, perhaps once more, who is the primary.
    private func found(_ address: RedisAddress) {
        let error = RedisError(.notPrimary, "another server has become the primary: \(address)")
        for link in self.links where link.address != nil && link.address != address { link.reconnect(error) }
    }

    private func reconnect(_ error: RedisError) {
        for link in self.links { link.reconnect(error) }
    }
}

@available(*, unavailable)
extension RedisSingleRoute: Sendable {}
