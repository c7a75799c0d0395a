internal import NIOCore
internal import RESP

/// A connection for subscriptions, and the ``RedisSubscriptionMachine`` that keeps it subscribed. Confined to its event loop.
final class RedisSubscriber {
    let link: RedisLink
    private let eventLoop: any EventLoop
    private var machine: RedisSubscriptionMachine
    private var isDrainScheduled = false
    private var onAction: ((RedisSubscriptionMachine.Action) -> Void)?
    private var onMessage: ((RedisMessage) -> Void)?
    private var onState: ((RedisLinkState) -> Void)?

    init(_ link: RedisLink, isClustered: Bool, eventLoop: any EventLoop) {
        self.link = link
        self.eventLoop = eventLoop
        self.machine = RedisSubscriptionMachine(isClustered: isClustered)
        link.onAction { self.linkDid($0) }
    }

    func onEvents(
        action: @escaping (RedisSubscriptionMachine.Action) -> Void,
        message: @escaping (RedisMessage) -> Void,
        state: @escaping (RedisLinkState) -> Void
    ) {
        self.onAction = action
        self.onMessage = message
        self.onState = state
    }

    var channels: [RedisChannel] { self.machine.channels }
    var isEmpty: Bool { self.machine.isEmpty }

    func subscribe(to channel: RedisChannel, unheardSince: NIODeadline? = nil) {
        self.machine.subscribe(to: channel, unheardSince: unheardSince)
        self.link.start()
        self.scheduleDrain()
    }

    func unsubscribe(from channel: RedisChannel) {
        self.machine.unsubscribe(from: channel)
        self.scheduleDrain()
    }

    /// - Returns: When it was last heard, if it ever was.
    func forget(_ channel: RedisChannel) -> NIODeadline? {
        defer { self.scheduleDrain() }
        return self.machine.forget(channel, now: self.eventLoop.now)
    }

    func close() {
        self.onAction = nil
        self.onMessage = nil
        self.onState = nil
        self.link.close()
    }

    private func linkDid(_ action: RedisLink.Machine.Action) {
        let now = self.eventLoop.now
        switch action {
        case .message(let message):
            // What was on its way when it was not wanted any more.
            if self.machine.wants(message.subscription) { self.onMessage?(message) }
            return
        case .up(let identity):
            self.machine.connected()
            self.onState?(.up(identity))
        case .down(let error, let delay, let heardAt):
            self.machine.disconnected(heardAt: heardAt ?? now)
            self.onState?(.down(error, retryIn: delay))
        case .subscribed(let channel): self.machine.subscribed(channel, now: now)
        case .unsubscribed(let channel): self.machine.unsubscribed(channel, now: now)
        case .refused(let order, let error): self.machine.refused(order, error, now: now)
        case .connect, .disconnect, .write, .answer, .fail, .foundCluster: return
        }
        self.scheduleDrain()
    }

    /// Channels that are asked for in one turn of the loop go in few commands.
    private func scheduleDrain() {
        guard !self.isDrainScheduled else { return }
        self.isDrainScheduled = true
        self.eventLoop.assumeIsolated().execute {
            self.isDrainScheduled = false
            self.drain()
        }
    }

    private func drain() {
        while let action = self.machine.next() {
            if case .order(let order) = action {
                self.link.send(order)
            } else {
                self.onAction?(action)
            }
        }
    }
}

@available(*, unavailable)
extension RedisSubscriber: Sendable {}
