internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import SocketIO
internal import Synchronization

/// How an event gets from one shard to the sockets of all. Each of these is called on `shard`'s loop.
extension Namespace {
    func publish(
        _ event: String,
        _ arguments: SocketArguments,
        to selection: Selection,
        from shard: Shard,
        request: AcknowledgementRequest? = nil
    ) {
        guard let site = self.registry.site else { return }
        guard self.hasLog else {
            return self.distribute(self.broadcast(event, arguments, selection, request), from: shard, site)
        }
        guard selection.options.isVolatile || request != nil else {
            let event = EncodedEvent(event, arguments, parser: self.registry.configuration.parser)
            return self.log(.event(event, isNoted: false), for: selection, from: shard)
        }
        // In no log, and behind what was said before all the same.
        let home = shard.home(of: self.logKey)
        guard shard.index == home else {
            let speech = Speech(
                namespace: self.name,
                event: event,
                arguments: arguments.detached(),
                selection: selection,
                request: request
            )
            return shard.send(NodeCommand.speak(speech), for: site.part, to: home)
        }
        // It must not be taken for a position by its last argument.
        let position = request == nil ? shard.position(of: self.logKey)?.recoveryText : nil
        self.distribute(self.broadcast(event, arguments, selection, request, offset: position), from: shard, site)
    }

    /// Says something to the log.
    func log(_ content: NamespaceEntry.Content, for selection: Selection, from shard: Shard) {
        let entry = NamespaceEntry(selection: selection, content: content)
        shard.publish(entry.payload, from: Sender(id: selection.excludedID ?? "", name: ""), to: self.logKey)
    }

    private func broadcast(
        _ event: String,
        _ arguments: SocketArguments,
        _ selection: Selection,
        _ request: AcknowledgementRequest?,
        offset: String? = nil
    ) -> Broadcast {
        Broadcast(
            namespace: self.name,
            event: event,
            arguments: arguments,
            selection: selection,
            packets: self.wireNames.map { wireName in
                self.registry.configuration.parser.event(
                    event,
                    arguments,
                    namespace: wireName,
                    id: request?.id,
                    offset: offset
                )
            },
            request: request
        )
    }

    private func distribute(_ broadcast: Broadcast, from shard: Shard, _ site: SocketIOSite) {
        if site.hub.shardCount > 1 {
            shard.sendToOthers(NodeCommand.broadcast(broadcast.detached()), for: site.part)
        }
        self.deliver(broadcast, on: shard, site)
    }

    // MARK: Arriving

    func deliver(_ broadcast: Broadcast, on shard: Shard, _ site: SocketIOSite) {
        var reached: [ConnectionID] = []
        for (index, wireName) in self.wireNames.enumerated() {
            let message = PacketMessage(
                packet: broadcast.packets[index],
                formats: site.formats,
                compresses: broadcast.selection.options.compresses
            )
            let audience = broadcast.selection.audience(in: self, as: wireName, at: site.incarnation)
            guard broadcast.request != nil || self.hasOutgoingListeners.load(ordering: .relaxed) else {
                shard.deliver(message, to: audience)
                continue
            }
            var recipients = shard.recipients(of: audience)
            if audience.isVolatile { recipients.removeAll { $0.delegate?.isWritable != true } }
            for recipient in recipients {
                site.socket(on: recipient, in: wireName)?.notifyOutgoing(broadcast.event, broadcast.arguments)
            }
            if broadcast.request != nil { reached += recipients.map(\.id) }
            shard.deliver(message, to: recipients)
        }
        guard let request = broadcast.request else { return }
        if !reached.isEmpty { site.state(on: shard).presence(of: self).awaited[request.id] = request }
        shard.send(NodeCommand.answer(.reached(reached, request)), for: site.part, to: request.asker)
    }

    /// An entry of the log has come.
    func deliver(_ entry: NamespaceEntry, at position: StreamPosition, on shard: Shard, _ site: SocketIOSite) {
        switch entry.content {
        case .event(let event, let isNoted):
            self.deliver(event, isNoted: isNoted, to: entry.selection, at: position, on: shard, site)
        case .change(let change):
            for socket in self.sockets(of: entry.selection, on: shard, site) { socket.perform(.change(change)) }
        }
    }

    private func deliver(
        _ event: EncodedEvent,
        isNoted: Bool,
        to selection: Selection,
        at position: StreamPosition,
        on shard: Shard,
        _ site: SocketIOSite
    ) {
        let offset = position.recoveryText
        let isWatched = !isNoted && self.hasOutgoingListeners.load(ordering: .relaxed)
        for wireName in self.wireNames {
            let message = LoggedMessage(
                event: event,
                wireName: wireName,
                offset: offset,
                formats: site.formats,
                compresses: selection.options.compresses
            )
            let audience = selection.audience(in: self, as: wireName, at: site.incarnation)
            guard isWatched, let (name, arguments) = event.nameAndArguments else {
                shard.deliver(message, to: audience)
                continue
            }
            let recipients = shard.recipients(of: audience)
            for recipient in recipients { site.socket(on: recipient, in: wireName)?.notifyOutgoing(name, arguments) }
            shard.deliver(message, to: recipients)
        }
    }

    /// The sockets of a selection that one shard has.
    func sockets(of selection: Selection, on shard: Shard, _ site: SocketIOSite) -> [Socket] {
        self.wireNames.flatMap { wireName in
            shard.recipients(of: selection.audience(in: self, as: wireName, at: site.incarnation))
                .compactMap { site.socket(on: $0, in: wireName) }
        }
    }
}

/// An event of the log: written for each format that its audience has.
private struct LoggedMessage: FormattedMessage {
    let event: EncodedEvent
    let wireName: String
    let offset: String
    let formats: SocketIOFormats
    let compresses: Bool

    func write(as format: FormatID, into wire: inout ByteBuffer) {
        let packet = self.event.packet(namespace: self.wireName, offset: self.offset)
        self.formats.write(packet, compresses: self.compresses, as: format, into: &wire)
    }
}

extension Selection {
    /// - Parameter incarnation: The node's own, as connections of others are none of its.
    func audience(in namespace: Namespace, as wireName: String, at incarnation: NodeIncarnation) -> Audience {
        Audience(
            topics: self.rooms.isEmpty
                ? [namespace.topic(nil, as: wireName)] : self.rooms.map { namespace.topic($0, as: wireName) },
            excludedTopics: self.except.map { namespace.topic($0, as: wireName) },
            excluding: self.excluding.flatMap { $0.incarnation == incarnation ? $0.connection : nil },
            isVolatile: self.options.isVolatile
        )
    }
}
