package import NIOCore
internal import RESP

/// A command that subscribes or unsubscribes. The server confirms each name by itself, in this order, or refuses all with one error.
package struct RedisSubscriptionOrder: Sendable, Hashable {
    /// More names than these would hold up what else the server does.
    package static let maximumNames = 500

    package let subscribes: Bool
    package let kind: RedisChannel.Kind
    /// Not empty.
    package let names: [ByteBuffer]

    package init(subscribes: Bool, kind: RedisChannel.Kind, names: [ByteBuffer]) {
        self.subscribes = subscribes
        self.kind = kind
        self.names = names
    }

    package var channels: [RedisChannel] { self.names.map { RedisChannel(self.kind, $0) } }

    var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeRESPCommand(self.commandName, count: self.names.count) { writer in
            for name in self.names { writer.write(name) }
        }
        return bytes
    }

    var commandName: StaticString {
        switch (self.subscribes, self.kind) {
        case (true, .channel): "SUBSCRIBE"
        case (true, .pattern): "PSUBSCRIBE"
        case (true, .shard): "SSUBSCRIBE"
        case (false, .channel): "UNSUBSCRIBE"
        case (false, .pattern): "PUNSUBSCRIBE"
        case (false, .shard): "SUNSUBSCRIBE"
        }
    }
}
