package import NIOCore

/// What can be subscribed to. Equal by bytes.
package struct RedisChannel: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// A name, of which in a cluster every node knows.
        case channel
        /// A pattern of names.
        case pattern
        /// A name that has a slot, of which in a cluster one node knows (from version 7 on).
        case shard
    }

    package let kind: Kind
    package let name: ByteBuffer

    package init(_ kind: Kind, _ name: ByteBuffer) {
        self.kind = kind
        self.name = name
    }

    package init(_ kind: Kind, _ name: String) {
        self.init(kind, ByteBuffer(string: name))
    }

    package var description: String { "\(self.kind) of \(self.name.readableBytes) bytes" }
}

/// Something that was published to a channel. Its bytes are slices of what was received: who keeps them for long copies them.
package struct RedisMessage: Sendable, Hashable {
    /// What was subscribed to: the channel, or a pattern that it matches.
    package let subscription: RedisChannel
    package let channel: ByteBuffer
    package let payload: ByteBuffer

    package init(subscription: RedisChannel, channel: ByteBuffer, payload: ByteBuffer) {
        self.subscription = subscription
        self.channel = channel
        self.payload = payload
    }
}
