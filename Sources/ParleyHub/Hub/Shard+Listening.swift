internal import NIOCore
public import ParleyModel

/// Topics whose publications a part hears whole, to decide by itself which of its connections are meant.
///
/// A listener is no member: nobody is told of it. While there is one the topic is kept.
extension Shard {
    // MARK: On any shard

    /// Has everything that is said in a topic from now on told to `part` on this shard. Doing it twice tells everything twice.
    ///
    /// The answer is ``HubPart/listens(to:from:on:)``, perhaps before this returns. What is asked of the topic's home behind this
    /// is answered behind that.
    public func listen(to key: TopicKey, for part: HubPartID) {
        self.send(.listen(key, TopicListener(shard: self.index, part: part)), to: self.home(of: key))
    }

    /// Ends what ``listen(to:for:)`` began.
    public func stopListening(to key: TopicKey, for part: HubPartID) {
        self.send(.stopListening(key, TopicListener(shard: self.index, part: part)), to: self.home(of: key))
    }

    // MARK: On the topic's home

    /// What was said in a topic behind a position, oldest first; `nil` when not all of it is kept, or the position is none of the
    /// topic's. Asked on the topic's home, see ``home(of:)``.
    public func publications(in key: TopicKey, after position: StreamPosition) -> [Publication]? {
        self.expireHistory(of: key)
        return self.topics[key]?.machine.publications(after: position)
    }

    /// How far a topic is; `nil`: there is none. Asked on its home.
    public func position(of key: TopicKey) -> StreamPosition? { self.topics[key]?.machine.position }

    /// Discards what is older than the topic keeps anything: where nothing is said, nobody else sees to it. Called on its home.
    public func expireHistory(of key: TopicKey) {
        guard let topic = self.topics[key], topic.machine.policy.maximumAge != nil else { return }
        topic.machine.expire(at: self.configuration.wallTime())
        self.measure(topic)
    }

    func homeListen(_ key: TopicKey, _ listener: TopicListener) {
        guard let topic = self.topics[key] ?? self.createTopic(key), topic.stored == nil else {
            return self.send(.listening(key, listener.part, nil), to: listener.shard)
        }
        if topic.emptySince != nil { self.wake(topic) }
        topic.listeners.append(listener)
        self.send(.listening(key, listener.part, topic.machine.position), to: listener.shard)
    }

    func homeStopListening(_ key: TopicKey, _ listener: TopicListener) {
        guard let topic = self.topics[key], let index = topic.listeners.firstIndex(of: listener) else { return }
        topic.listeners.remove(at: index)
        self.retireIfEmpty(topic)
    }

    func tellListeners(of topic: Topic, _ publication: Publication) {
        let isOwned = topic.machine.policy.limit > 0
        let publication = isOwned ? publication : publication.detached()
        let epoch = topic.machine.position.epoch
        for listener in topic.listeners {
            self.send(.heard(topic.key, listener.part, epoch: epoch, publication), to: listener.shard)
        }
    }
}

/// Where a topic is listened to.
struct TopicListener: Sendable, Equatable {
    let shard: Int
    let part: HubPartID
}

extension Publication {
    fileprivate func detached() -> Publication {
        Publication(offset: self.offset, time: self.time, sender: self.sender, payload: self.payload.detached())
    }
}
