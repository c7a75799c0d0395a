internal import NIOCore
internal import ParleyModel

/// The home shard's side: what happens in a topic is decided and ordered here, one thing after another.
extension Shard {
    func homeJoin(_ key: TopicKey, _ join: HomeJoin) {
        let member = join.member
        if let maximum = join.request.maximumMembers, maximum <= 0 {
            // Before a topic is made that nobody would ever leave.
            self.refuse(join, key, .roomFull)
            return
        }
        guard let topic = self.topics[key] ?? self.createTopic(key) else {
            self.refuse(join, key, .topicLimit)
            return
        }
        let holdsName = join.request.uniqueness != .any
        if holdsName, let present = topic.members.holder(of: member.name, in: member.dialect) {
            if join.request.uniqueness == .replace {
                self.replace(present, in: topic, with: join)
            } else {
                self.refuse(join, key, .duplicateUser)
            }
            return
        }
        if let maximum = join.request.maximumMembers, topic.members.count(of: member.dialect) >= maximum {
            self.refuse(join, key, .roomFull)
            return
        }
        self.wake(topic)
        topic.members.append(member, format: join.format, holdsName: holdsName)
        self.addSubscriber(join, to: topic)
        self.admit(join, to: topic)
        self.distribute(.joined(member), in: topic)
    }

    func homeLeave(_ key: TopicKey, _ connection: ConnectionID) {
        guard let topic = self.topics[key], let entry = topic.members.remove(connection) else { return }
        self.removeSubscriber(entry.format, shard: connection.shard, from: topic)
        self.distribute(.left(entry.member), in: topic)
        self.retireIfEmpty(topic)
    }

    func homePublish(_ key: TopicKey, _ publish: HomePublish) {
        // A topic lives while it has members or a retained history; what is said to nobody is said in vain.
        guard let topic = self.topics[key] else { return self.complete(publish, key) }
        let sender: Sender
        switch publish.origin {
        case .member(let connection, _):
            guard let member = topic.members[connection] else { return self.complete(publish, key) }
            sender = Sender(id: member.id, name: member.name)
        case .outside(let outsider):
            sender = outsider
        }
        let policy = self.configuration.policy(of: key.space).history
        guard !topic.history.refuses(policy) else { return self.complete(publish, key) }
        topic.offset += 1
        let publication = Publication(
            offset: topic.offset,
            time: self.configuration.wallTime(),
            sender: sender,
            payload: policy.limit > 0 ? publish.payload.detached() : publish.payload
        )
        if policy.limit > 0 {
            if topic.snapshots.isDue,
                let last = topic.history.lastDiscarded(byAppending: publication.payload.byteCount, policy: policy)
            {
                self.willDiscard(upTo: last, of: topic)
            }
            topic.history.append(publication, policy: policy)
            self.measure(topic)
        }
        self.metrics.publications += 1
        self.distribute(.published(publication), in: topic, excluding: publish.excluding)
        self.complete(publish, key)
    }

    private func complete(_ publish: HomePublish, _ key: TopicKey) {
        guard case .member(let connection, wantsCompletion: true) = publish.origin else { return }
        self.send(.publishCompleted(connection, key), to: Int(connection.shard))
    }

    /// Encodes `event` once for each wire format in use, and hands it to every shard with subscribers of it.
    private func distribute(_ event: TopicEvent, in topic: Topic, excluding: ConnectionID? = nil) {
        var isSnapshotNeeded = false
        for use in topic.formats {
            if use.lines != nil {
                isSnapshotNeeded = true
                continue
            }
            let format = self.configuration.formats[use.format]
            self.distribute(to: use, of: topic, excluding: excluding) { format.encode(event, in: topic, into: &$0) }
        }
        if isSnapshotNeeded { self.snapshotNeeded(of: topic, after: event) }
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

    private func admit(_ join: HomeJoin, to topic: Topic) {
        var welcome = ByteBuffer()
        self.configuration.formats[join.format].encodeWelcome(for: join.member, in: topic, into: &welcome)
        self.send(
            .joinCompleted(join.connection, topic.key, .joined, welcome: welcome.readableBytes > 0 ? welcome : nil),
            to: Int(join.connection.shard)
        )
    }

    private func refuse(_ join: HomeJoin, _ key: TopicKey, _ reason: CloseReason) {
        self.send(.joinCompleted(join.connection, key, .refused(reason), welcome: nil), to: Int(join.connection.shard))
    }

    private func replace(_ present: MemberList.Entry, in topic: Topic, with join: HomeJoin) {
        let old = present.member
        let member = join.member
        // Who goes has seen what happened before, on whichever shard it is.
        self.tellSnapshot(of: topic)
        topic.members.replace(old.connection, with: member, format: join.format)
        self.removeSubscriber(present.format, shard: old.connection.shard, from: topic)
        self.addSubscriber(join, to: topic)
        self.send(.expel(old.connection, topic.key, .replaced), to: Int(old.connection.shard))
        self.admit(join, to: topic)
        self.distribute(.replaced(old, by: member), in: topic)
    }

    private func addSubscriber(_ join: HomeJoin, to topic: Topic) {
        topic.addSubscriber(
            format: join.format,
            snapshots: self.configuration.formats.snapshots(of: join.format),
            shard: Int(join.connection.shard),
            shards: self.configuration.shards
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

    private func createTopic(_ key: TopicKey) -> Topic? {
        guard self.configuration.policy(of: key.space).limit.open(key.name) else { return nil }
        let topic = Topic(key: key, epoch: self.context.random.next())
        self.topics[key] = topic
        self.metrics.topics += 1
        return topic
    }

    private func retireIfEmpty(_ topic: Topic) {
        guard topic.members.isEmpty else { return }
        let retention = self.configuration.policy(of: topic.key.space).retention
        if retention == .zero || topic.history.isEmpty {
            self.forget(topic)
        } else {
            self.retain(topic, for: retention)
        }
    }
}
