internal import NIOCore
internal import ParleyModel

/// The home shard's side: topics of which it is the home are told here what is wanted of them, and what they decide is done.
extension Shard {
    func homeJoin(_ key: TopicKey, _ join: TopicJoin, _ format: FormatID) {
        let client = join.member.client
        // Before a topic is made that nobody would ever leave.
        if let reason = join.hopelessness { return self.refuse(client, key, reason) }
        guard let topic = self.topics[key] ?? self.createTopic(key) else {
            return self.refuse(client, key, .topicLimit)
        }
        self.tell(topic, .join(join, format))
    }

    func homeLeave(_ key: TopicKey, _ connection: ConnectionID) {
        guard let topic = self.topics[key] else { return }
        self.tell(topic, .leave(self.client(connection)))
    }

    func homePublish(_ key: TopicKey, _ publish: TopicPublish) {
        // A topic lives while it has members or a retained history; what is said to nobody is said in vain.
        guard let topic = self.topics[key] ?? (self.unopenedTopics.contains(key) ? self.createTopic(key) : nil) else {
            if publish.wantsCompletion, let client = publish.member { self.complete(client, key) }
            return
        }
        self.tell(topic, .publish(publish))
    }

    /// Has a topic decide, and does what it wants done.
    ///
    /// What is done may make a client say the next thing, which is decided and done from within, before the rest of this.
    func tell(_ topic: Topic, _ command: TopicCommand) {
        guard let stored = topic.stored else { return self.decide(topic, command) }
        // Each decision of a log makes room for the next: one after another, not one from within the other.
        stored.commands.append(command)
        guard stored.commands.count == 1 else { return }
        while let next = stored.commands.first {
            self.decide(topic, next)
            stored.commands.removeFirst()
        }
        self.countHeld(of: topic, stored)
    }

    private func decide(_ topic: Topic, _ command: TopicCommand) {
        var effects: ContiguousArray<TopicEffect> = []
        swap(&effects, &self.effects)
        if topic.snapshots.isDue { self.tellSnapshot(of: topic, before: command) }
        topic.machine.receive(command, at: self.configuration.wallTime(), into: &effects)
        if topic.emptySince != nil, topic.machine.isInUse { self.wake(topic) }
        if case .state = command { self.forgetRendered(of: topic) }
        if command.changesHistory, topic.machine.policy.limit > 0 { self.measure(topic) }
        for index in effects.indices { self.perform(effects[index], of: topic) }
        effects.removeAll(keepingCapacity: true)
        swap(&effects, &self.effects)
    }

    /// Members hear snapshots, and something has happened that no snapshot has shown: what would not be in the next is told now.
    private func tellSnapshot(of topic: Topic, before command: TopicCommand) {
        if case .join(let join, _) = command, topic.machine.replacesSomebody(join) {
            // Who goes has seen what happened before, on whichever shard it is.
            return self.tellSnapshot(of: topic)
        }
        if let last = topic.machine.lastDiscarded(by: command) { self.willDiscard(upTo: last, of: topic) }
    }

    private func perform(_ effect: TopicEffect, of topic: Topic) {
        switch effect {
        case .deliver(let event, let excluding):
            if case .published(let publication) = event {
                self.metrics.publications += 1
                if !topic.listeners.isEmpty { self.tellListeners(of: topic, publication) }
            }
            self.distribute(event, in: topic, excluding: excluding?.connection)
        case .complete(let client):
            self.complete(client, topic.key)
        case .refusePublication(let client, let wantsCompletion):
            // No dialect has words for it yet: who waits is told that it is over.
            if wantsCompletion { self.complete(client, topic.key) }
        case .admit(let member, let format):
            topic.addSubscriber(
                format: format,
                snapshots: self.configuration.formats.snapshots(of: format),
                shard: Int(member.client.connection.shard),
                shards: self.configuration.shards
            )
            self.admit(member, format, to: topic)
        case .refuse(let client, let reason):
            self.refuse(client, topic.key, reason)
        case .release(let client, let format):
            self.removeSubscriber(format, shard: client.connection.shard, from: topic)
        case .expel(let client, let format, let reason):
            self.removeSubscriber(format, shard: client.connection.shard, from: topic)
            self.send(.expel(client.connection, topic.key, reason), to: Int(client.connection.shard))
        case .emptied:
            self.retireIfEmpty(topic)
        case .propose(let batch):
            self.write(batch, of: topic)
        case .requestState:
            self.loadHistory(of: topic)
        case .fetch:
            // The log is here: what it has decided comes by itself, when it is written.
            self.tell(topic, .fetched)
        case .missed(let client, let format):
            if self.configuration.formats.snapshots(of: format) != nil {
                // Complete in itself.
                self.snapshotNeeded(of: topic)
            } else {
                self.send(.expel(client.connection, nil, .insufficientState), to: Int(client.connection.shard))
            }
        case .close(let client, let reason):
            self.send(.expel(client.connection, nil, reason), to: Int(client.connection.shard))
        }
    }

    private func complete(_ client: ClientID, _ key: TopicKey) {
        self.send(.publishCompleted(client.connection, key), to: Int(client.connection.shard))
    }

    /// Encodes `event` once for each wire format in use, and hands it to every shard with subscribers of it.
    private func distribute(_ event: TopicEvent, in topic: Topic, excluding: ConnectionID?) {
        var isSnapshotNeeded = false
        for use in topic.formats {
            if use.lines != nil {
                isSnapshotNeeded = true
                continue
            }
            let format = self.configuration.formats[use.format]
            self.distribute(to: use, of: topic, excluding: excluding) { format.encode(event, in: topic, into: &$0) }
        }
        if isSnapshotNeeded { self.snapshotNeeded(of: topic) }
    }

    /// Hands what `encode` appends, once for all, to every shard with subscribers of the format.
    /// - Returns: How many bytes that is for each.
    @discardableResult
    func distribute(
        to use: Topic.FormatUse,
        of topic: Topic,
        excluding: ConnectionID?,
        _ encode: (inout ByteBuffer) -> Void
    ) -> Int {
        if use.total == use.subscribersByShard[self.index] {
            self.prepareArena()
            let range = self.arena.appendPublication(encode)
            self.deliver(range, to: topic.key, format: use.format, excluding: excluding)
            return Int(range.end - range.start)
        }
        var wire = ByteBuffer()
        encode(&wire)
        guard wire.readableBytes > 0 else { return 0 }
        for shard in use.subscribersByShard.indices where use.subscribersByShard[shard] > 0 {
            self.send(.deliver(topic.key, use.format, wire, excluding: excluding), to: shard)
        }
        return wire.readableBytes
    }

    private func admit(_ member: Member, _ format: FormatID, to topic: Topic) {
        var welcome = ByteBuffer()
        self.configuration.formats[format].encodeWelcome(for: member, in: topic, into: &welcome)
        let connection = member.client.connection
        self.send(
            .joinCompleted(connection, topic.key, .joined, welcome: welcome.readableBytes > 0 ? welcome : nil),
            to: Int(connection.shard)
        )
    }

    private func refuse(_ client: ClientID, _ key: TopicKey, _ reason: CloseReason) {
        self.send(
            .joinCompleted(client.connection, key, .refused(reason), welcome: nil),
            to: Int(client.connection.shard)
        )
    }

    private func removeSubscriber(_ format: FormatID, shard: UInt16, from topic: Topic) {
        topic.removeSubscriber(format: format, shard: Int(shard))
        // With the last member of a format goes what was rendered for it.
        guard topic.renderedBytes > 0 else { return }
        self.recountRendered(topic)
        self.reportHistories()
    }

    // MARK: The life of a topic

    func createTopic(_ key: TopicKey) -> Topic? {
        let policy = self.configuration.policy(of: key.space)
        guard policy.limit.open(key.name) else { return nil }
        let isStored = self.configuration.histories != nil && policy.history.limit > 0 && policy.isStored
        let topic = Topic(
            key: key,
            epoch: self.context.random.next(),
            policy: policy.history,
            ordering: isStored
                ? .broker(self.configuration.incarnation, maximumHeldBytes: Self.maximumHeldBytes) : .home
        )
        self.topics[key] = topic
        self.metrics.topics += 1
        return topic
    }

    func retireIfEmpty(_ topic: Topic) {
        // Somebody may have come while its leave was told.
        guard !topic.machine.isInUse, topic.listeners.isEmpty, topic.stored?.commands.count ?? 0 <= 1,
            self.topics[topic.key] === topic,
            topic.emptySince == nil
        else { return }
        let retention = self.configuration.policy(of: topic.key.space).retention
        if retention == .zero || topic.machine.history.isEmpty {
            self.forget(topic)
        } else {
            self.retain(topic, for: retention)
        }
    }
}
