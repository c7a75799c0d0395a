import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisCommandTests {
    @Test("A command is written as an array of strings, and its name alone is told")
    func plain() {
        let command = RedisCommand("SET", "key", "secret", slot: RedisSlot(ofKey: "key"))
        #expect(String(buffer: command.bytes) == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$6\r\nsecret\r\n")
        #expect(command.name == "SET")
        #expect(command.slot == RedisSlot(ofKey: "key"))
        #expect(command.withSource == nil)
    }

    @Test("A script goes by its digest, and by its source where it is not known")
    func script() throws {
        let script = RedisScript("append", "return ARGV[1]")
        #expect(script.digest == "098e0f0d1448c0a81dafe820f66d460eb09263da")
        let command = RedisCommand(script, slot: RedisSlot(ofKey: "k"), keys: 1, count: 3) { writer in
            writer.write("k" as StaticString)
            writer.write("a\r\nb" as String)
            writer.write(5)
        }
        let tail = "$1\r\n1\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n$1\r\n5\r\n"
        #expect(String(buffer: command.bytes) == "*6\r\n$7\r\nEVALSHA\r\n$40\r\n\(script.digest)\r\n\(tail)")
        let whole = try #require(command.withSource)
        #expect(String(buffer: whole.bytes) == "*6\r\n$4\r\nEVAL\r\n$14\r\nreturn ARGV[1]\r\n\(tail)")
        #expect(whole.name == "append")
        #expect(whole.slot == command.slot)
        #expect(whole.withSource == nil)
    }

    @Test("Publishing to a shard goes to its slot")
    func publish() {
        let command = RedisCommand.publishSharded(ByteBuffer(string: "{p}:c"), ByteBuffer(string: "m"))
        #expect(command.slot == RedisSlot(ofKey: "p"))
        #expect(String(buffer: command.bytes) == "*3\r\n$8\r\nSPUBLISH\r\n$5\r\n{p}:c\r\n$1\r\nm\r\n")
        #expect(RedisCommand.publish(ByteBuffer(string: "c"), ByteBuffer(string: "m")).slot == nil)
    }
}
