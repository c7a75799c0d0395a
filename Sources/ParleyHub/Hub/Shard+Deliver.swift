internal import NIOCore
internal import ParleyModel

/// How publications become notes of the connections that receive them.
///
/// A busy publisher says many things in one tick. They lie one behind the other in the arena, so that the subscribers need not be
/// walked for each: the group keeps one growing range, and the walk comes once, when the tick ends or something else happens that
/// the order has to show. A connection that is sent something of its own in between catches up by itself.
extension Shard {
    /// A group of subscribers with a range that is not noted yet.
    struct PendingGroup {
        let topic: LocalTopic
        let format: FormatID
    }

    /// Sees that every subscriber that this shard has of `topic` in `format` receives `range`.
    func deliver(_ range: ArenaRange, to topic: TopicKey, format: FormatID, excluding: ConnectionID?) {
        guard let topic = self.localTopics[topic], let group = topic.groupIndex(of: format) else { return }
        self.deliver(range, to: topic, group: group, excluding: excluding)
    }

    func deliver(_ range: ArenaRange, to topic: LocalTopic, group: Int, excluding: ConnectionID?) {
        guard !range.isEmpty else { return }
        let format = topic.groups[group].format
        self.metrics.deliveries += topic.groups[group].subscribers.count
        if excluding == nil, topic.groups[group].mergesNotes {
            if topic.groups[group].extendPending(by: range) { return }
            // A range that does not join on: what came before is noted first, for all, or the order would be lost.
            if topic.groups[group].pending != nil { self.notePending() }
            topic.groups[group].pending = LocalTopic.Pending(range: range)
            self.pendingGroups.append(PendingGroup(topic: topic, format: format))
        } else {
            self.notePending()
            self.note(range, messages: 1, for: topic.groups[group].subscribers, excluding: excluding)
        }
    }

    /// Notes everything that is pending, in its order.
    func notePending() {
        guard !self.pendingGroups.isEmpty else { return }
        for entry in self.pendingGroups {
            guard let group = entry.topic.groupIndex(of: entry.format),
                let pending = entry.topic.groups[group].takePending()
            else { continue }
            self.note(
                pending.range,
                messages: pending.messages,
                for: entry.topic.groups[group].subscribers,
                excluding: nil
            )
        }
        self.pendingGroups.removeAll(keepingCapacity: true)
    }

    private func note(
        _ range: ArenaRange,
        messages: Int32,
        for subscribers: ContiguousArray<LocalTopic.Subscriber>,
        excluding: ConnectionID?
    ) {
        let now = self.eventLoop.now
        for subscriber in subscribers {
            let connection = subscriber.connection
            if let excluding, connection.id == excluding {
                self.metrics.deliveries -= 1
                continue
            }
            self.note(range, messages: messages, for: connection, now: now)
        }
    }

    func note(_ range: ArenaRange, messages: Int32, for connection: Connection, now: NIODeadline) {
        let start = max(range.start, connection.caughtUpTo)
        guard start < range.end else { return }
        let messages = start == range.start ? messages : messages - connection.caughtUpMessages
        if connection.notes.isEmpty { self.touched.append(connection) }
        connection.lastSent = now
        connection.notes.add(
            ArenaRange(start: start, end: range.end),
            messages: messages,
            merging: connection.mergesNotes,
            in: &self.arena
        )
    }

    /// Notes for one connection what is pending for its groups, because something of its own comes next.
    func catchUp(_ connection: Connection) {
        if connection.subscriptions.count > 1 {
            // Several groups may have something for it: all in order, for everybody.
            self.notePending()
        } else if let topic = connection.subscriptions.first?.topic,
            let group = topic.groupIndex(of: connection.format),
            let pending = topic.groups[group].pending
        {
            self.note(pending.range, messages: pending.messages, for: connection, now: self.eventLoop.now)
            connection.caughtUpTo = pending.range.end
            connection.caughtUpMessages = pending.messages
        }
    }
}
