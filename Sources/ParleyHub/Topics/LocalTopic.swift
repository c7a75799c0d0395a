internal import ParleyModel

/// The subscribers that one shard has of one topic, grouped by wire format so that a delivery is one walk over one array.
final class LocalTopic {
    struct Subscriber {
        let connection: Connection
        /// Where the connection keeps this subscription, so that a swap is told to it in constant time.
        let slot: Int
    }

    /// Publications that follow each other in the arena, not noted yet.
    struct Pending {
        var range: ArenaRange
        var messages: Int32 = 1
    }

    struct Group {
        let format: FormatID
        /// As its connections do, which have one dialect and so one policy.
        let mergesNotes: Bool
        var subscribers: ContiguousArray<Subscriber>
        var pending: Pending?

        /// - Returns: False when `range` does not join on to what is pending.
        mutating func extendPending(by range: ArenaRange) -> Bool {
            guard self.pending?.range.end == range.start else { return false }
            self.pending?.range.end = range.end
            self.pending?.messages += 1
            return true
        }

        mutating func takePending() -> Pending? {
            defer { self.pending = nil }
            return self.pending
        }
    }

    let key: TopicKey
    /// Index of the home shard.
    let home: Int
    var groups: [Group] = []

    init(key: TopicKey, home: Int) {
        self.key = key
        self.home = home
    }

    var isEmpty: Bool { self.groups.isEmpty }

    func add(_ connection: Connection, isLocal: Bool = false) {
        let group: Int
        if let index = self.groups.firstIndex(where: { $0.format == connection.format }) {
            group = index
        } else {
            group = self.groups.count
            self.groups.append(Group(format: connection.format, mergesNotes: connection.mergesNotes, subscribers: []))
        }
        let slot = connection.subscriptions.count
        connection.subscriptions.append(
            Connection.Subscription(topic: self, position: self.groups[group].subscribers.count, isLocal: isLocal)
        )
        self.groups[group].subscribers.append(Subscriber(connection: connection, slot: slot))
    }

    /// Removes the connection's subscription number `slot`; the last of each list takes the free place.
    func remove(_ connection: Connection, slot: Int) {
        let position = connection.subscriptions[slot].position
        guard let group = self.groups.firstIndex(where: { $0.format == connection.format }) else { return }
        let last = self.groups[group].subscribers.count - 1
        if position != last {
            let moved = self.groups[group].subscribers[last]
            self.groups[group].subscribers[position] = moved
            moved.connection.subscriptions[moved.slot].position = position
        }
        self.groups[group].subscribers.removeLast()
        if self.groups[group].subscribers.isEmpty { self.groups.remove(at: group) }

        let lastSlot = connection.subscriptions.count - 1
        if slot != lastSlot {
            let moved = connection.subscriptions[lastSlot]
            connection.subscriptions[slot] = moved
            moved.topic.renumber(connection, position: moved.position, slot: slot)
        }
        connection.subscriptions.removeLast()
    }

    private func renumber(_ connection: Connection, position: Int, slot: Int) {
        guard let group = self.groups.firstIndex(where: { $0.format == connection.format }) else { return }
        self.groups[group].subscribers[position] = Subscriber(connection: connection, slot: slot)
    }

    func groupIndex(of format: FormatID) -> Int? {
        self.groups.firstIndex { $0.format == format }
    }
}
