package import NIOCore
package import RESP

/// What was not heard of a channel: from when it was last known to be heard to when it was heard again. What was published in between
/// may be missing.
package struct RedisGap: Sendable, Hashable {
    package let from: NIODeadline
    package let to: NIODeadline

    package init(from: NIODeadline, to: NIODeadline) {
        self.from = from
        self.to = to
    }
}

/// Keeps one connection subscribed to what is wanted, over all its lives, and says of every channel when nothing was heard of it.
///
/// For each channel one order is under way at most. What is wanted may change meanwhile: the next order follows the confirmation.
package struct RedisSubscriptionMachine: Sendable {
    package enum Action: Equatable, Sendable {
        /// For the connection.
        case order(RedisSubscriptionOrder)
        /// What is published from now on is heard. A gap is told if it was heard before.
        case subscribed(RedisChannel, gap: RedisGap?)
        /// The channel is not heard any more, though it is wanted; it will be ``subscribed`` again, with the gap.
        case interrupted(RedisChannel)
        /// The server does not let us. The channel is forgotten.
        case refused(RedisChannel, RESPErrorReply)
        /// The channel is at another node by now: nothing more is done for it here. The gap began then, if it was ever heard.
        case moved(RedisChannel, RESPErrorReply?, unheardSince: NIODeadline?)
    }

    private enum Wire: Equatable {
        case absent, subscribing, present, unsubscribing
    }

    private struct Entry {
        /// Grows with each channel: whatever is done for all is done in this order, the same in every process.
        let number: UInt64
        var wire = Wire.absent
        var isWanted = true
        /// When it was last known to be heard, if it ever was and is not now.
        var unheardSince: NIODeadline?
        /// Whether an order is waiting to be given.
        var isDue = false
        /// Whether it was refused together with others, and is to be asked for by itself.
        var goesAlone = false
    }

    private var entries: [RedisChannel: Entry] = [:]
    private var lastNumber: UInt64 = 0
    /// Channels that wait for an order, in the order in which they were asked for; some may not need it any more.
    private var due = CircularBuffer<RedisChannel>()
    private var isUp = false
    private var outbox = CircularBuffer<Action>()
    /// Whether channels of kind `shard` may have different slots in one order.
    private let isClustered: Bool

    package init(isClustered: Bool = false) {
        self.isClustered = isClustered
    }

    /// What is wanted here.
    package var channels: [RedisChannel] { self.inOrder.filter(\.entry.isWanted).map(\.channel) }
    package var isEmpty: Bool { self.entries.isEmpty }

    // MARK: Wishes

    /// - Parameter unheardSince: When it was last heard elsewhere, if it was.
    package mutating func subscribe(to channel: RedisChannel, unheardSince: NIODeadline? = nil) {
        guard var entry = self.entries[channel] else {
            self.lastNumber += 1
            self.entries[channel] = Entry(number: self.lastNumber, unheardSince: unheardSince)
            self.makeDue(channel)
            return
        }
        let wasWanted = entry.isWanted
        entry.isWanted = true
        // What came between unsubscribing and subscribing again nobody wanted.
        if !wasWanted { entry.unheardSince = unheardSince }
        self.entries[channel] = entry
        switch entry.wire {
        case .absent: self.makeDue(channel)
        // Nothing was sent yet that would end it.
        case .present where !wasWanted: self.outbox.append(.subscribed(channel, gap: nil))
        case .subscribing, .present, .unsubscribing: break
        }
    }

    package mutating func unsubscribe(from channel: RedisChannel) {
        guard var entry = self.entries[channel], entry.isWanted else { return }
        entry.isWanted = false
        entry.unheardSince = nil
        guard entry.wire != .absent else {
            self.entries[channel] = nil
            return
        }
        self.entries[channel] = entry
        if entry.wire == .present { self.makeDue(channel) }
    }

    /// - Returns: When it was last heard, if it ever was and is not now.
    package mutating func forget(_ channel: RedisChannel, now: NIODeadline) -> NIODeadline? {
        let since = self.entries[channel].flatMap { $0.wire == .present ? now : $0.unheardSince }
        self.unsubscribe(from: channel)
        return since
    }

    /// Whether messages of the channel are for somebody.
    package func wants(_ channel: RedisChannel) -> Bool { self.entries[channel]?.isWanted == true }

    // MARK: The connection

    package mutating func connected() {
        self.isUp = true
        for (channel, entry) in self.inOrder where entry.isWanted { self.makeDue(channel) }
    }

    /// - Parameter heardAt: When the server was last heard of on the connection that has ended.
    package mutating func disconnected(heardAt: NIODeadline) {
        self.isUp = false
        self.due.removeAll()
        for (channel, var entry) in self.inOrder {
            guard entry.isWanted else {
                self.entries[channel] = nil
                continue
            }
            if entry.wire == .present {
                entry.unheardSince = heardAt
                self.outbox.append(.interrupted(channel))
            }
            entry.wire = .absent
            entry.isDue = false
            self.entries[channel] = entry
        }
    }

    package mutating func subscribed(_ channel: RedisChannel, now: NIODeadline) {
        guard var entry = self.entries[channel], entry.wire == .subscribing else { return }
        entry.wire = .present
        entry.goesAlone = false
        let since = entry.unheardSince
        entry.unheardSince = nil
        self.entries[channel] = entry
        guard entry.isWanted else { return self.makeDue(channel) }
        self.outbox.append(.subscribed(channel, gap: since.map { RedisGap(from: $0, to: now) }))
    }

    package mutating func unsubscribed(_ channel: RedisChannel, now: NIODeadline) {
        guard var entry = self.entries[channel] else { return }
        switch entry.wire {
        case .unsubscribing:
            guard entry.isWanted else {
                self.entries[channel] = nil
                return
            }
            entry.wire = .absent
            self.entries[channel] = entry
            self.makeDue(channel)
        case .present:
            // Nobody has asked for that: its slot has gone to another node.
            self.entries[channel] = nil
            if entry.isWanted { self.outbox.append(.moved(channel, nil, unheardSince: now)) }
        case .absent, .subscribing:
            // Said of a subscription before this one.
            break
        }
    }

    package mutating func refused(_ order: RedisSubscriptionOrder, _ error: RESPErrorReply, now: NIODeadline) {
        for channel in order.channels {
            guard var entry = self.entries[channel] else { continue }
            guard order.subscribes else {
                // It is subscribed still, and there is no way to end that but the connection's end.
                entry.wire = .present
                self.entries[channel] = entry.isWanted ? entry : nil
                continue
            }
            self.entries[channel] = nil
            guard entry.isWanted else { continue }
            if order.names.count > 1 {
                // One that we may not hear is enough to refuse all: each is asked for by itself.
                entry.wire = .absent
                entry.goesAlone = true
                self.entries[channel] = entry
                self.makeDue(channel)
                continue
            }
            switch error.code {
            case "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "CROSSSLOT", "LOADING", "MASTERDOWN":
                self.outbox.append(.moved(channel, error, unheardSince: entry.unheardSince))
            default:
                self.outbox.append(.refused(channel, error))
            }
        }
    }

    // MARK: Acting

    private var inOrder: [(channel: RedisChannel, entry: Entry)] {
        self.entries.map { (channel: $0.key, entry: $0.value) }.sorted { $0.entry.number < $1.entry.number }
    }

    private mutating func makeDue(_ channel: RedisChannel) {
        guard self.isUp, self.entries[channel]?.isDue == false else { return }
        self.entries[channel]?.isDue = true
        self.due.append(channel)
    }

    package mutating func next() -> Action? {
        self.outbox.popFirst() ?? self.nextOrder().map { .order($0) }
    }

    /// Takes together what stands together in the queue: the order in which names were asked for stays.
    private mutating func nextOrder() -> RedisSubscriptionOrder? {
        var names: [ByteBuffer] = []
        var form: (subscribes: Bool, kind: RedisChannel.Kind, slot: RedisSlot?)?
        while let channel = self.due.first, names.count < RedisSubscriptionOrder.maximumNames {
            guard let entry = self.entries[channel], let subscribes = Self.need(of: entry) else {
                self.entries[channel]?.isDue = false
                self.due.removeFirst()
                continue
            }
            let slot = self.isClustered && channel.kind == .shard ? RedisSlot(ofKey: channel.name) : nil
            if let form, form != (subscribes, channel.kind, slot) || entry.goesAlone { break }
            form = (subscribes, channel.kind, slot)
            self.due.removeFirst()
            self.entries[channel]?.isDue = false
            self.entries[channel]?.wire = subscribes ? .subscribing : .unsubscribing
            names.append(channel.name)
            if entry.goesAlone { break }
        }
        guard let form, !names.isEmpty else { return nil }
        return RedisSubscriptionOrder(subscribes: form.subscribes, kind: form.kind, names: names)
    }

    /// - Returns: Whether to subscribe; `nil` when there is nothing to be ordered.
    private static func need(of entry: Entry) -> Bool? {
        switch (entry.wire, entry.isWanted) {
        case (.absent, true): true
        case (.present, false): false
        default: nil
        }
    }
}
