package import NIOCore
package import RESP

/// A command as it is sent, and what is known of it besides.
package struct RedisCommand: Sendable {
    /// Its name, for messages. No argument is ever in one.
    package let name: String
    package let bytes: ByteBuffer
    /// Where its keys are in a cluster; `nil`: any node will do.
    package let slot: RedisSlot?
    /// What it runs, when it runs a script by its digest.
    package let script: RedisScript?
    /// Of a script: how many bytes stand before its number of keys, and how many arguments from there on.
    private let scriptHead: (bytes: Int, arguments: Int)

    /// - Parameters:
    ///   - name: `SET`.
    ///   - slot: That of its keys; all must have the same.
    ///   - count: How many arguments `write` writes.
    package init(
        _ name: StaticString,
        slot: RedisSlot? = nil,
        count: Int,
        _ write: (inout RESPArgumentWriter) -> Void
    ) {
        var bytes = ByteBuffer()
        bytes.writeRESPCommand(name, count: count, write)
        self.name = "\(name)"
        self.bytes = bytes
        self.slot = slot
        self.script = nil
        self.scriptHead = (0, 0)
    }

    /// For what is not said often: `RedisCommand("SET", "key", "value", slot: RedisSlot(ofKey: "key"))`.
    package init(_ name: StaticString, _ arguments: String..., slot: RedisSlot? = nil) {
        self.init(name, arguments, slot: slot)
    }

    package init(_ name: StaticString, _ arguments: [String], slot: RedisSlot? = nil) {
        self.init(name, slot: slot, count: arguments.count) { writer in
            for argument in arguments { writer.write(argument) }
        }
    }

    /// Runs a script by its digest, and with its source where the server does not know it.
    ///
    /// - Parameters:
    ///   - slot: That of its keys; all must have the same.
    ///   - keys: How many of the arguments are keys; they come first.
    ///   - count: How many arguments `write` writes, keys and others.
    package init(
        _ script: RedisScript,
        slot: RedisSlot? = nil,
        keys: Int,
        count: Int,
        _ write: (inout RESPArgumentWriter) -> Void
    ) {
        var head = 0
        var bytes = ByteBuffer()
        bytes.writeRESPCommand("EVALSHA", count: count + 2) { writer in
            writer.write(script.digest)
            head = writer.writtenBytes
            writer.write(keys)
            write(&writer)
        }
        self.name = script.name
        self.bytes = bytes
        self.slot = slot
        self.script = script
        self.scriptHead = (head, count + 1)
    }

    /// Publishes a message to a channel, which in a cluster every node hears of.
    package static func publish(_ channel: ByteBuffer, _ message: ByteBuffer) -> Self {
        Self("PUBLISH", count: 2) { writer in
            writer.write(channel)
            writer.write(message)
        }
    }

    /// Publishes a message to those who have subscribed at the node that has the channel's slot (`SPUBLISH`, from version 7 on).
    package static func publishSharded(_ channel: ByteBuffer, _ message: ByteBuffer) -> Self {
        Self("SPUBLISH", slot: RedisSlot(ofKey: channel), count: 2) { writer in
            writer.write(channel)
            writer.write(message)
        }
    }

    /// The same script with its source, which the server keeps from then on; `nil` when this is no script.
    package var withSource: RedisCommand? {
        guard let script = self.script else { return nil }
        var bytes = ByteBuffer()
        bytes.writeRESPCommandHead("EVAL", script.source, furtherArguments: self.scriptHead.arguments)
        let start = self.bytes.readerIndex + self.scriptHead.bytes
        if let tail = self.bytes.getSlice(at: start, length: self.bytes.readableBytes - self.scriptHead.bytes) {
            bytes.writeImmutableBuffer(tail)
        }
        return RedisCommand(name: self.name, bytes: bytes, slot: self.slot)
    }

    private init(name: String, bytes: ByteBuffer, slot: RedisSlot?) {
        self.name = name
        self.bytes = bytes
        self.slot = slot
        self.script = nil
        self.scriptHead = (0, 0)
    }
}
