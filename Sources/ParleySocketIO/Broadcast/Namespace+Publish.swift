internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// How an event gets from one shard to the sockets of all.
extension Namespace {
    /// Called on `shard`'s loop.
    func publish(
        _ event: String,
        _ arguments: SocketArguments,
        to selection: Selection,
        from shard: Shard,
        collector: BroadcastCollector? = nil
    ) {
        guard let recovery, let site = self.server.site else {
            self.distribute(self.message(event, arguments, selection, collector, offset: nil), from: shard)
            return
        }
        // One shard gives offsets, and everything goes through it, so that all sockets see the order of the log.
        let arguments = arguments.detached()
        shard.onShard(site.home(of: self)) { home in
            let isLogged = !selection.options.isVolatile && collector == nil
            let offset = isLogged ? recovery.nextOffset() : recovery.newestOffset
            let message = self.message(
                event,
                arguments,
                selection,
                collector,
                // What is not logged must not be taken for an offset by its last argument.
                offset: collector == nil ? recovery.text(of: offset) : nil,
                seen: isLogged ? offset : nil
            )
            if isLogged {
                recovery.append(
                    RecoveryLog.Entry(
                        offset: offset,
                        time: home.eventLoop.now,
                        selection: selection,
                        packets: message.packets
                    )
                )
            }
            self.distribute(message, from: home)
        }
    }

    private func message(
        _ event: String,
        _ arguments: SocketArguments,
        _ selection: Selection,
        _ collector: BroadcastCollector?,
        offset: String?,
        seen: UInt64? = nil
    ) -> Broadcast {
        Broadcast(
            event: event,
            arguments: arguments,
            selection: selection,
            packets: self.wireNames.map { wireName in
                self.server.configuration.parser.event(
                    event,
                    arguments,
                    namespace: wireName,
                    id: collector?.id,
                    offset: offset
                )
            },
            collector: collector,
            seen: seen
        )
    }

    private func distribute(_ broadcast: Broadcast, from shard: Shard) {
        guard let site = self.server.site else { return }
        if let collector = broadcast.collector {
            collector.onCompletion {
                for index in 0..<site.hub.shardCount {
                    site.hub.post(to: index) { site.state(on: $0)[self].collectors[collector.id] = nil }
                }
            }
        }
        if site.hub.shardCount == 1 {
            self.deliver(broadcast, on: shard, site)
        } else {
            let broadcast = broadcast.detached()
            shard.onEveryShard { self.deliver(broadcast, on: $0, site) }
        }
    }

    private func deliver(_ broadcast: Broadcast, on shard: Shard, _ site: Site) {
        if let seen = broadcast.seen { site.state(on: shard)[self].seenOffset = seen }
        let needsRecipients = broadcast.collector != nil || self.hasOutgoingListeners.load(ordering: .relaxed)
        var collected: [ConnectionID] = []
        for (index, wireName) in self.wireNames.enumerated() {
            let audience = broadcast.selection.audience(in: self, as: wireName)
            let message = PacketMessage(
                packet: broadcast.packets[index],
                formats: site.formats,
                compresses: broadcast.selection.options.compresses
            )
            guard needsRecipients else {
                shard.deliver(message, to: audience)
                continue
            }
            var recipients = shard.recipients(of: audience)
            if audience.isVolatile { recipients.removeAll { $0.delegate?.isWritable != true } }
            for recipient in recipients {
                site.socket(on: recipient, in: wireName)?.notifyOutgoing(broadcast.event, broadcast.arguments)
            }
            if broadcast.collector != nil { collected += recipients.map(\.id) }
            shard.deliver(message, to: recipients)
        }
        if let collector = broadcast.collector {
            if !collected.isEmpty, !collector.isComplete {
                site.state(on: shard)[self].collectors[collector.id] = collector
            }
            collector.sent(to: collected)
        }
    }

    /// The sockets of a selection that one shard has.
    func sockets(of selection: Selection, on shard: Shard) -> [Socket] {
        guard let site = self.server.site else { return [] }
        return self.wireNames.flatMap { wireName in
            shard.recipients(of: selection.audience(in: self, as: wireName))
                .compactMap { site.socket(on: $0, in: wireName) }
        }
    }
}

/// An event on its way to every shard.
private struct Broadcast: Sendable {
    let event: String
    var arguments: SocketArguments
    let selection: Selection
    /// One for each of the namespace's names.
    let packets: [EncodedPacket]
    let collector: BroadcastCollector?
    /// Its offset, if it is in the log.
    let seen: UInt64?

    func detached() -> Broadcast {
        var copy = self
        copy.arguments = self.arguments.detached()
        return copy
    }
}
