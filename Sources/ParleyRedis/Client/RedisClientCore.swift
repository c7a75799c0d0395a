internal import Logging
internal import NIOCore
internal import RESP

/// What a ``RedisClient`` is on its event loop.
final class RedisClientCore {
    typealias Readiness = (Result<RedisServerIdentity, RedisError>) -> Void

    private let factory: RedisLinkFactory
    private let logger: Logger
    private let onState: (@Sendable (RedisClientState) -> Void)?
    private var route: (any RedisRoute)?
    private var listeners: [RedisChannel: (RedisSubscriptionEvent) -> Void] = [:]
    private var statistics = RedisStatistics()
    private var waitingForReadiness: [Readiness] = []
    private var identity: RedisServerIdentity?
    private var isReady = false
    private var isClosed = false
    /// Connections that are told to be down already, as each further attempt is not worth a line.
    private var isDown: Set<String> = []
    private var isUp: Set<String> = []
    private var nodes: Set<RedisAddress> = []

    init(
        _ factory: RedisLinkFactory,
        logger: Logger,
        onState: (@Sendable (RedisClientState) -> Void)?
    ) {
        self.factory = factory
        self.logger = logger
        self.onState = onState
    }

    // MARK: Commands

    func start() { self.currentRoute?.start() }

    func send(_ pending: RedisPending) {
        guard let route = self.currentRoute else {
            return pending.answer(.failure(RedisError(.closed, "the client of Redis has been closed")))
        }
        route.send(pending)
    }

    /// Made when it is needed, on the event loop.
    private var currentRoute: (any RedisRoute)? {
        guard !self.isClosed else { return nil }
        if let route = self.route { return route }
        let route: any RedisRoute
        if case .cluster(let seeds) = self.factory.endpoint.topology {
            route = RedisClusterRoute(self.factory, seeds: seeds) { self.routeDid($0) }
        } else {
            route = RedisSingleRoute(self.factory) { self.routeDid($0) }
        }
        self.route = route
        return route
    }

    func whenReady(_ tell: @escaping Readiness) {
        guard !self.isClosed else {
            return tell(.failure(RedisError(.closed, "the client of Redis has been closed")))
        }
        if self.isReady, let identity = self.identity { return tell(.success(identity)) }
        self.waitingForReadiness.append(tell)
        self.start()
    }

    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.route?.close()
        self.route = nil
        self.listeners = [:]
        self.tellReadiness(.failure(RedisError(.closed, "the client of Redis has been closed")))
    }

    // MARK: Subscriptions

    func subscribe(to channel: RedisChannel, _ receive: @escaping (RedisSubscriptionEvent) -> Void) {
        guard let route = self.currentRoute else {
            return receive(.refused(RedisError(.closed, "the client of Redis has been closed")))
        }
        let wasListenedTo = self.listeners.updateValue(receive, forKey: channel) != nil
        // Another listener in place of the first hears what that would have heard.
        if !wasListenedTo { route.subscribe(to: channel, unheardSince: nil) }
    }

    func unsubscribe(from channel: RedisChannel) {
        guard self.listeners.removeValue(forKey: channel) != nil else { return }
        self.route?.unsubscribe(from: channel)
    }

    // MARK: What the route tells

    private func routeDid(_ event: RedisRouteEvent) {
        switch event {
        case .message(let message):
            self.statistics.messages += 1
            self.listeners[message.subscription]?(.message(message))
        case .roundTrip(let time): self.statistics.roundTrips.record(time)
        case .subscription(let action): self.subscriptionDid(action)
        case .commandLink(let address, let state): self.link("commands", address, is: state)
        case .subscriptionLink(let address, let state): self.link("subscriptions", address, is: state)
        case .mapChanged(let nodes): self.mapChanged(Set(nodes))
        case .unavailable(let error): self.clusterFailed(error)
        case .foundCluster(let address, let waiting): self.enterCluster(at: address, waiting)
        }
    }

    private func subscriptionDid(_ action: RedisSubscriptionMachine.Action) {
        switch action {
        case .subscribed(let channel, let gap):
            if gap != nil { self.statistics.gaps += 1 }
            self.listeners[channel]?(.subscribed(gap: gap))
        case .interrupted(let channel): self.listeners[channel]?(.interrupted)
        case .refused(let channel, let error):
            let listener = self.listeners.removeValue(forKey: channel)
            listener?(.refused(RedisError(reply: error, command: "a subscription")))
        case .order, .moved: break
        }
    }

    private func link(_ purpose: String, _ address: RedisAddress?, is state: RedisLinkState) {
        // With sentinels one connection has another address each time.
        let name = self.isClustered ? "\(purpose) \(address.map { "\($0)" } ?? "")" : purpose
        var metadata: Logger.Metadata = ["purpose": "\(purpose)"]
        if let address { metadata["server"] = "\(address)" }
        switch state {
        case .up(let identity):
            self.isDown.remove(name)
            self.isUp.insert(name)
            metadata["version"] = "\(identity.name ?? "redis") \(identity.version ?? "of unknown version")"
            self.logger.info("Connected to Redis", metadata: metadata)
            self.identity = identity
            if purpose == "commands", !self.isClustered { self.becomeReady() }
        case .down(let error, let delay):
            if self.isUp.remove(name) != nil { self.statistics.connectionsLost += 1 }
            metadata["reason"] = "\(error)"
            metadata["retry_in"] = "\(delay.sentence)"
            let isNews = self.isDown.insert(name).inserted
            self.logger.log(level: isNews ? .warning : .debug, "No connection to Redis", metadata: metadata)
            guard purpose == "commands", !self.isClustered else { return }
            self.isReady = false
            self.onState?(.down(error))
            self.tellReadiness(.failure(error))
        }
    }

    /// Slots that move by the thousand are not worth a line each.
    private func mapChanged(_ nodes: Set<RedisAddress>) {
        if nodes != self.nodes {
            let names = nodes.map { "\($0)" }.sorted().joined(separator: " ")
            self.logger.info("These nodes of Redis Cluster have slots", metadata: ["nodes": "\(names)"])
        }
        self.nodes = nodes
        self.isDown.remove("cluster")
        self.becomeReady()
    }

    private func clusterFailed(_ error: RedisError) {
        let isNews = self.isDown.insert("cluster").inserted
        let metadata: Logger.Metadata = ["reason": "\(error)"]
        self.logger.log(level: isNews ? .warning : .debug, "No node of Redis Cluster answers", metadata: metadata)
        self.isReady = false
        self.onState?(.down(error))
        self.tellReadiness(.failure(error))
    }

    private var isClustered: Bool { self.route is RedisClusterRoute }

    private func becomeReady() {
        self.isReady = true
        guard let identity = self.identity else { return }
        self.onState?(.up(identity))
        self.tellReadiness(.success(identity))
    }

    private func tellReadiness(_ result: Result<RedisServerIdentity, RedisError>) {
        let waiting = self.waitingForReadiness
        self.waitingForReadiness = []
        for tell in waiting { tell(result) }
    }

    /// The one address that was given is a node of a cluster.
    private func enterCluster(at address: RedisAddress, _ waiting: [RedisPending]) {
        guard !self.isClosed, let old = self.route else { return }
        let error = RedisError(
            .invalidArgument,
            "\(address) is a node of a cluster, which has only database 0: leave out the number behind the port (REDIS_ENDPOINT)"
        )
        guard self.factory.endpoint.database == 0 else {
            self.tellReadiness(.failure(error))
            for pending in waiting { pending.answer(.failure(error)) }
            return
        }
        let route = RedisClusterRoute(self.factory, seeds: [address]) { self.routeDid($0) }
        self.route = route
        // Not from within what it is telling.
        self.factory.eventLoop.assumeIsolated().execute { old.close() }
        route.start()
        for pending in waiting { route.send(pending) }
        // What was heard by the old way, if anything was, is not any more.
        let now = self.factory.eventLoop.now
        for channel in self.listeners.keys { route.subscribe(to: channel, unheardSince: now) }
    }

    // MARK: Numbers

    var currentStatistics: RedisStatistics {
        var statistics = self.statistics
        statistics.channels = self.listeners.count
        for link in self.route?.links ?? [] {
            statistics.connections += link.isUp ? 1 : 0
            statistics.waitingCommands += link.waitingCount
            statistics.waitingBytes += link.waitingBytes
        }
        return statistics
    }
}

@available(*, unavailable)
extension RedisClientCore: Sendable {}

/// Whether commands get through.
package enum RedisClientState: Sendable, Equatable {
    case up(RedisServerIdentity)
    /// Why not. It is tried again and again.
    case down(RedisError)
}
