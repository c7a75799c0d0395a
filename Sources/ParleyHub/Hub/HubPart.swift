internal import NIOCore
public import ParleyModel
internal import Synchronization

/// Something that a part above the hub tells itself on another shard: data, which could as well go to another process.
///
/// It owns its bytes: what is a slice of a read buffer is copied before.
public protocol ShardCommand: Sendable {
    /// Bytes of messages that it carries; they count for what may be on its way to a shard.
    var byteCount: Int { get }
}

/// A server that stands on the hub, as the hub knows it. Called on the shard's event loop.
public protocol HubPart: Sendable {
    /// Another shard has told it something, or this one itself.
    func receive(_ command: any ShardCommand, on shard: Shard)
    /// ``Shard/listen(to:for:)`` has taken effect: what is said after `position` comes, once and in order.
    /// - Parameter position: `nil`: the topic cannot be listened to.
    func listens(to topic: TopicKey, from position: StreamPosition?, on shard: Shard)
    /// Something was said in a topic that is listened to on this shard.
    func heard(_ publication: Publication, in topic: TopicKey, epoch: UInt64, on shard: Shard)
}

extension HubPart {
    public func listens(to topic: TopicKey, from position: StreamPosition?, on shard: Shard) {}
    public func heard(_ publication: Publication, in topic: TopicKey, epoch: UInt64, on shard: Shard) {}
}

/// What a ``HubPart`` is addressed by.
public struct HubPartID: Hashable, Sendable {
    let index: Int
}

extension Hub {
    /// An address for a part that is still to come.
    public func reservePart() -> HubPartID {
        HubPartID(index: self.partCount.add(1, ordering: .relaxed).oldValue)
    }

    /// Makes a part known to all shards: at once for whatever is said from this thread afterwards.
    public func install(_ part: some HubPart, as id: HubPartID) {
        for shard in 0..<self.shardCount { self.reference(to: shard).post([.install(id, part)]) }
    }

    /// The shard of the event loop that this is called on; `nil` elsewhere.
    public var presentShard: Shard? {
        for index in 0..<self.shardCount where self.eventLoop(of: index).inEventLoop {
            return self.reference(to: index).withShard { $0 }
        }
        return nil
    }

    /// Which shard orders a topic.
    public func home(of key: TopicKey) -> Int { Int(key.stableHash % UInt64(self.shardCount)) }

    /// Tells a part something on one shard, from wherever this is called: at once if this is that shard, and behind everything
    /// that was said to it from here before.
    public func tell(_ command: any ShardCommand, for part: HubPartID, to shard: Int) {
        if let present = self.presentShard {
            present.send(command, for: part, to: shard)
        } else {
            self.post(command, for: part, to: shard)
        }
    }

    /// Tells a part something on one shard, soon, and never from within this call: for threads that are no shard's, and for those who
    /// may be in the middle of something. Behind everything that was posted there from this thread before.
    public func post(_ command: any ShardCommand, for part: HubPartID, to shard: Int) {
        self.reference(to: shard).post([.command(part, command)], bytes: command.byteCount)
    }
}

extension Shard {
    /// Tells a part something on one shard: here at once, elsewhere behind everything that this one has told it before.
    public func send(_ command: any ShardCommand, for part: HubPartID, to target: Int) {
        self.send(.command(part, command), to: target)
    }

    /// The same on every other shard.
    public func sendToOthers(_ command: any ShardCommand, for part: HubPartID) {
        for target in 0..<self.configuration.shards where target != self.index {
            self.send(.command(part, command), to: target)
        }
    }

    /// The same on every shard, here last.
    public func sendToAll(_ command: any ShardCommand, for part: HubPartID) {
        self.sendToOthers(command, for: part)
        self.send(.command(part, command), to: self.index)
    }

    /// Runs `body` with a part.
    func withPart(_ id: HubPartID, _ body: (any HubPart) -> Void) {
        // Installed by mail, which may still lie there.
        if !self.parts.indices.contains(id.index) || self.parts[id.index] == nil { self.receiveMail() }
        guard self.parts.indices.contains(id.index), let part = self.parts[id.index] else { return }
        body(part)
    }

    func install(_ part: any HubPart, as id: HubPartID) {
        while self.parts.count <= id.index { self.parts.append(nil) }
        self.parts[id.index] = part
    }
}
