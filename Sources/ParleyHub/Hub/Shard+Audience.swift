internal import NIOCore
public import ParleyModel

/// Subscriptions and deliveries that need no home shard: the order is that of each publisher, not one for all.
///
/// A subscription is effective when the call returns. What one shard says to another keeps its order with everything else that
/// it says there, so that a publisher's messages reach everybody in the order in which they were sent.
extension Shard {
    // MARK: Subscriptions

    /// Subscribes at once, on this shard alone. Doing it twice does nothing.
    public func subscribe(_ connection: Connection, to key: TopicKey) {
        guard connection.isOpen, !connection.isDetached, connection.subscription(to: key) == nil else { return }
        let topic = self.localTopics[key] ?? LocalTopic(key: key, home: self.home(of: key))
        self.localTopics[key] = topic
        // Who comes now has no part in what was said before.
        self.notePending()
        topic.add(connection, isLocal: true)
        self.metrics.subscriptions += 1
    }

    /// Ends what ``subscribe(_:to:)`` began.
    public func unsubscribe(_ connection: Connection, from key: TopicKey) {
        guard let slot = connection.subscription(to: key) else { return }
        self.unsubscribe(connection, slot: slot)
    }

    /// Makes `key` a topic with `connection` as its only subscriber ever: cheaper than a list of one.
    public func openInbox(_ key: TopicKey, for connection: Connection) {
        self.inboxes[key] = connection
    }

    public func closeInbox(_ key: TopicKey) {
        self.inboxes[key] = nil
    }

    // MARK: Deliveries

    /// Delivers to the connections that this shard has of `audience`.
    public func deliver(_ message: some FormattedMessage, to audience: Audience) {
        if audience.topics.count == 1, audience.excludedTopics.isEmpty, !audience.isVolatile,
            self.inboxes[audience.topics[0]] == nil
        {
            self.deliver(message, to: audience.topics[0], excluding: audience.excluding)
        } else {
            self.deliver(message, to: self.recipients(of: audience), onlyIfWritable: audience.isVolatile)
        }
    }

    /// Delivers to single connections of this shard.
    /// - Parameter onlyIfWritable: Whether those are left out whose transport does not take it at once.
    public func deliver(_ message: some FormattedMessage, to recipients: [Connection], onlyIfWritable: Bool = false) {
        guard !recipients.isEmpty else { return }
        self.prepareArena()
        self.notePending()
        let now = self.eventLoop.now
        var ranges: [(format: FormatID, range: ArenaRange)] = []
        for connection in recipients where connection.isOpen {
            if onlyIfWritable, connection.delegate?.isWritable != true { continue }
            let range: ArenaRange
            if let written = ranges.first(where: { $0.format == connection.format }) {
                range = written.range
            } else {
                range = self.arena.appendPublication { message.write(as: connection.format, into: &$0) }
                ranges.append((connection.format, range))
            }
            guard !range.isEmpty else { continue }
            self.metrics.deliveries += 1
            self.note(range, messages: 1, for: connection, now: now)
        }
    }

    private func deliver(_ message: some FormattedMessage, to key: TopicKey, excluding: ConnectionID?) {
        guard let topic = self.localTopics[key] else { return }
        self.prepareArena()
        for group in topic.groups.indices {
            let format = topic.groups[group].format
            let range = self.arena.appendPublication { message.write(as: format, into: &$0) }
            self.deliver(range, to: topic, group: group, excluding: excluding)
        }
    }

    /// The connections that this shard has of `audience`, each once.
    public func recipients(of audience: Audience) -> [Connection] {
        self.audienceStamp &+= 1
        for key in audience.excludedTopics { self.forEachSubscriber(of: key) { $0.audienceStamp = self.audienceStamp } }
        var recipients: [Connection] = []
        for key in audience.topics {
            self.forEachSubscriber(of: key) { connection in
                guard connection.audienceStamp != self.audienceStamp else { return }
                connection.audienceStamp = self.audienceStamp
                if connection.id != audience.excluding { recipients.append(connection) }
            }
        }
        return recipients
    }

    private func forEachSubscriber(of key: TopicKey, _ body: (Connection) -> Void) {
        if let topic = self.localTopics[key] {
            for group in topic.groups {
                for subscriber in group.subscribers { body(subscriber.connection) }
            }
        }
        if let connection = self.inboxes[key] { body(connection) }
    }

    // MARK: Transports

    /// Lets another driver, and with it another wire format, serve the connection from now on. Its subscriptions stay.
    ///
    /// What it was sent before goes to the former driver first. Not while a flush is going on (``afterFlush(_:)``).
    public func hand(_ connection: Connection, to delegate: any ConnectionDelegate, format: FormatID) {
        guard connection.isOpen else { return }
        self.flushNotes()
        connection.directHandle = nil
        connection.delegate = delegate
        guard connection.format != format else { return }
        let topics = connection.subscriptions.map { ($0.topic, $0.isLocal) }
        while !connection.subscriptions.isEmpty {
            let slot = connection.subscriptions.count - 1
            connection.subscriptions[slot].topic.remove(connection, slot: slot)
        }
        connection.format = format
        for (topic, isLocal) in topics {
            self.localTopics[topic.key] = topic
            topic.add(connection, isLocal: isLocal)
        }
    }
}
