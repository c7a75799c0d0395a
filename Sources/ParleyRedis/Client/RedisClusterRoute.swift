internal import NIOCore
internal import RESP

/// Each command goes to the node that has its slot, and each sharded channel is subscribed to there.
final class RedisClusterRoute: RedisRoute {
    private struct Stray {
        var pending: RedisPending
        let until: NIODeadline
    }

    /// Where a channel is subscribed to.
    private struct Home {
        /// `nil` while nobody is known to be responsible.
        var node: RedisAddress?
        /// Of one without a node that had one.
        var unheardSince: NIODeadline?
        /// How often it was led on since it was heard.
        var moves = 0
    }

    private let factory: RedisLinkFactory
    private let tell: (RedisRouteEvent) -> Void
    private var machine: RedisClusterMachine
    private var commands: [RedisAddress: RedisLink] = [:]
    private var subscribers: [RedisAddress: RedisSubscriber] = [:]
    private var homes: [RedisChannel: Home] = [:]
    /// Commands for slots that nobody is known to have.
    private var strays: [Stray] = []
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?
    private var lastError: RedisError?
    private var isStarted = false
    private var isClosed = false

    init(_ factory: RedisLinkFactory, seeds: [RedisAddress], tell: @escaping (RedisRouteEvent) -> Void) {
        self.factory = factory
        self.tell = tell
        self.machine = RedisClusterMachine(seeds: seeds, now: factory.eventLoop.now)
    }

    var links: [RedisLink] { Array(self.commands.values) + self.subscribers.values.map(\.link) }

    func start() {
        self.isStarted = true
        self.tick()
    }

    func close() {
        self.isClosed = true
        self.timer?.task.cancel()
        self.timer = nil
        let links = self.commands.values
        let subscribers = self.subscribers.values
        self.commands = [:]
        self.subscribers = [:]
        for link in links { link.close() }
        for subscriber in subscribers { subscriber.close() }
        let strays = self.strays
        self.strays = []
        for stray in strays {
            stray.pending.answer(.failure(RedisError(.closed, "the client of Redis has been closed")))
        }
    }

    // MARK: Commands

    func send(_ pending: RedisPending) {
        self.send(pending, until: self.factory.eventLoop.now + self.factory.configuration.holdTime)
    }

    /// - Parameter until: How long it may wait for somebody to be responsible.
    private func send(_ pending: RedisPending, until: NIODeadline) {
        guard !self.isClosed else {
            return pending.answer(.failure(RedisError(.closed, "the client of Redis has been closed")))
        }
        if let address = self.machine.node(for: pending.command.slot) {
            return self.link(to: address).send(pending)
        }
        guard self.strays.count < self.factory.configuration.maximumWaitingCommands else {
            let sentence = "\(self.strays.count) commands wait already to know which node of the cluster is theirs"
            return pending.answer(.failure(RedisError(.queueFull, sentence)))
        }
        self.strays.append(Stray(pending: pending, until: until))
        self.machine.doubt(now: self.factory.eventLoop.now)
        self.start()
    }

    private func link(to address: RedisAddress) -> RedisLink {
        if let link = self.commands[address] { return link }
        let link = self.factory.makeLink(to: .address(address), isForSubscriptions: false, isClustered: true)
        self.commands[address] = link
        link.onAction { self.linkDid($0, address) }
        return link
    }

    private func linkDid(_ action: RedisLink.Machine.Action, _ address: RedisAddress) {
        switch action {
        case .answer(let value, let pending, let roundTrip):
            self.tell(.roundTrip(roundTrip))
            if let error = value.error {
                self.refused(error, pending, by: address)
            } else {
                pending.answer(.success(value))
            }
        case .fail(let error, let pending): pending.answer(.failure(error))
        case .up(let identity): self.tell(.commandLink(address, .up(identity)))
        case .down(let error, let delay, _):
            self.tell(.commandLink(address, .down(error, retryIn: delay)))
            self.machine.failed(error, at: address, now: self.factory.eventLoop.now)
            self.machine.doubt(now: self.factory.eventLoop.now)
            self.retire(address)
            self.drain()
        case .connect, .disconnect, .write, .message, .subscribed, .unsubscribed, .refused, .foundCluster: break
        }
    }

    private func refused(_ error: RESPErrorReply, _ pending: RedisPending, by address: RedisAddress) {
        let retry = RedisRetry(
            error,
            of: pending.command,
            from: address,
            redirections: pending.redirections,
            maximum: self.factory.configuration.maximumRedirections,
            isClustered: true
        )
        if case .moved(let slot, let node)? = RedisRedirection(error, from: address) {
            self.machine.moved(slot, to: node, now: self.factory.eventLoop.now)
            self.drain()
        }
        var again = pending
        again.redirections += 1
        switch retry {
        case .deliver:
            pending.answer(.failure(RedisError(reply: error, command: pending.command.name)))
        case .giveUp:
            let sentence = "\(pending.command.name) was led on \(pending.redirections) times, at last by \(error.shown)"
            pending.answer(.failure(RedisError(.tooManyRedirections, sentence, reply: error)))
        case .at(let node, let asking):
            self.link(to: node).send(again, asking: asking)
        case .withSource:
            if let command = pending.command.withSource { again.command = command }
            self.link(to: address).send(again)
        case .later(let delay):
            self.doubt()
            let waiting = again
            self.factory.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.send(waiting) }
        }
    }

    // MARK: The map

    private func doubt() {
        self.machine.doubt(now: self.factory.eventLoop.now)
        self.scheduleTick()
    }

    private func drain() {
        while let action = self.machine.next() {
            switch action {
            case .askForSlots(let address): self.askForSlots(address)
            case .changed: self.mapChanged()
            case .failed(let error):
                self.lastError = error
                self.tell(.unavailable(error))
            }
        }
        self.scheduleTick()
    }

    private func askForSlots(_ address: RedisAddress) {
        let pending = RedisPending(command: RedisCommand("CLUSTER", "SLOTS")) { result in
            guard !self.isClosed else { return }
            let now = self.factory.eventLoop.now
            switch result {
            case .success(let value): self.machine.answered(value, by: address, now: now)
            case .failure(let error): self.machine.failed(error, at: address, now: now)
            }
            self.drain()
        }
        let link = self.link(to: address)
        guard link.isInBackoff else { return link.send(pending) }
        // One that is away must not hold up the search for one that is not.
        let error = RedisError(.connectionLost, "there is no connection to \(address)")
        self.machine.failed(error, at: address, now: self.factory.eventLoop.now)
    }

    private func mapChanged() {
        self.lastError = nil
        self.tell(.mapChanged(self.machine.map.nodes))
        let nodes = Set(self.machine.map.nodes)
        // What was not sent to a node that has nothing any more can go where its slot is now.
        for (address, link) in self.commands where !nodes.contains(address) {
            for pending in link.release() { self.send(pending) }
            self.retire(address)
        }
        let strays = self.strays
        self.strays = []
        for stray in strays { self.send(stray.pending, until: stray.until) }
        for channel in Array(self.homes.keys) { self.settle(channel) }
    }

    /// Closes what leads nowhere any more, as soon as nobody waits for it.
    private func retire(_ address: RedisAddress) {
        guard !self.machine.map.nodes.isEmpty, !self.machine.map.nodes.contains(address),
            let link = self.commands[address], link.waitingCount == 0
        else { return }
        self.commands[address] = nil
        // Not from within what it is telling.
        self.factory.eventLoop.assumeIsolated().execute { link.close() }
    }

    // MARK: Time

    private var deadline: NIODeadline? {
        guard self.isStarted, !self.isClosed else { return nil }
        return [self.machine.deadline, self.strays.first?.until].compactMap { $0 }.min()
    }

    private func scheduleTick() {
        guard let deadline = self.deadline else { return }
        if let timer = self.timer {
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let task = self.factory.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            self.tick()
        }
        self.timer = (task, deadline)
    }

    private func tick() {
        guard !self.isClosed else { return }
        let now = self.factory.eventLoop.now
        let late = self.strays.prefix { $0.until <= now }
        self.strays.removeFirst(late.count)
        for stray in late {
            let reason = self.lastError.map { ": \($0)" } ?? ""
            let sentence = "no node of the cluster is known for \(stray.pending.command.name)\(reason)"
            stray.pending.answer(.failure(RedisError(.unavailable, sentence)))
        }
        self.machine.tick(now: now)
        self.drain()
    }

    // MARK: Subscriptions

    func subscribe(to channel: RedisChannel, unheardSince: NIODeadline?) {
        var home = self.homes[channel] ?? Home()
        home.unheardSince = unheardSince ?? home.unheardSince
        self.homes[channel] = home
        self.settle(channel)
    }

    func unsubscribe(from channel: RedisChannel) {
        guard let node = self.homes.removeValue(forKey: channel)?.node else { return }
        self.subscribers[node]?.unsubscribe(from: channel)
    }

    /// Subscribes at whoever is responsible, and nowhere else.
    private func settle(_ channel: RedisChannel) {
        guard var home = self.homes[channel], !self.isClosed else { return }
        let wanted = self.responsible(for: channel, at: home.node)
        guard let wanted else {
            // It stays where it is, if it is anywhere, until somebody is.
            self.machine.doubt(now: self.factory.eventLoop.now)
            return self.start()
        }
        guard wanted != home.node else { return }
        if let node = home.node, let subscriber = self.subscribers[node] {
            if let since = subscriber.forget(channel) { home.unheardSince = min(since, home.unheardSince ?? since) }
            self.dismiss(node)
        }
        let since = home.unheardSince
        self.homes[channel] = Home(node: wanted, moves: home.moves)
        self.subscriber(at: wanted).subscribe(to: channel, unheardSince: since)
    }

    private func responsible(for channel: RedisChannel, at node: RedisAddress?) -> RedisAddress? {
        if channel.kind == .shard { return self.machine.node(for: RedisSlot(ofKey: channel.name)) }
        // For others any node will do, as long as it is one.
        let nodes = self.machine.map.nodes
        return node.flatMap { nodes.contains($0) ? $0 : nil } ?? nodes.first
    }

    /// Closes a connection that is subscribed to nothing, at a node that has nothing.
    private func dismiss(_ address: RedisAddress) {
        guard let subscriber = self.subscribers[address], subscriber.channels.isEmpty,
            !self.machine.map.nodes.contains(address)
        else { return }
        self.subscribers[address] = nil
        self.factory.eventLoop.assumeIsolated().execute { subscriber.close() }
    }

    private func subscriber(at address: RedisAddress) -> RedisSubscriber {
        if let subscriber = self.subscribers[address] { return subscriber }
        let subscriber = self.factory.makeSubscriber(to: .address(address), isClustered: true)
        self.subscribers[address] = subscriber
        subscriber.onEvents(
            action: { self.subscriptionDid($0, at: address) },
            message: { self.tell(.message($0)) },
            state: { state in
                self.tell(.subscriptionLink(address, state))
                if case .down = state { self.doubt() }
            }
        )
        return subscriber
    }

    private func subscriptionDid(_ action: RedisSubscriptionMachine.Action, at address: RedisAddress) {
        if case .subscribed(let channel, _) = action { self.homes[channel]?.moves = 0 }
        guard case .moved(let channel, let error, let since) = action else { return self.tell(.subscription(action)) }
        guard let home = self.homes[channel], home.node == address else { return }
        if error == nil { self.tell(.subscription(.interrupted(channel))) }
        let times = [since, home.unheardSince].compactMap { $0 }
        self.homes[channel] = Home(node: nil, unheardSince: times.min(), moves: home.moves + 1)
        // Nodes that do not agree would have it asked to and fro.
        if home.moves < 3, let error, case .moved(let slot, let node)? = RedisRedirection(error, from: address) {
            self.machine.moved(slot, to: node, now: self.factory.eventLoop.now)
            self.drain()
            self.settle(channel)
        } else {
            // Who has it now will be known with the next map; asking whoever had it would only be refused again.
            self.doubt()
            self.factory.eventLoop.assumeIsolated().scheduleTask(in: RedisClusterMachine.pause) { self.settle(channel) }
        }
    }
}

@available(*, unavailable)
extension RedisClusterRoute: Sendable {}
