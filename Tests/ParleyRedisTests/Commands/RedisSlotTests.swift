import NIOCore
import Testing

@testable import ParleyRedis

@Suite struct RedisSlotTests {
    @Test(
        "A key has the slot that servers give it",
        arguments: [
            ("123456789", 12739), ("", 0), ("foo", 12182), ("bar", 5061), ("{foo}.a", 12182), ("a{foo}b{bar}", 12182),
            ("{}foo", 9500), ("foo{}{bar}", 8363), ("{{foo", 645), ("{user1000}.following", 3443),
        ] as [(String, Int)]
    )
    func slots(key: String, slot: Int) {
        #expect(Int(RedisSlot(ofKey: key).number) == slot)
        #expect(RedisSlot(ofKey: ByteBuffer(string: key)) == RedisSlot(ofKey: key))
    }

    @Test("What is in the first braces decides")
    func tags() {
        #expect(RedisSlot(ofKey: "{user1000}.following") == RedisSlot(ofKey: "user1000"))
        #expect(RedisSlot(ofKey: "x{{bar}}") == RedisSlot(ofKey: "{bar"))
        #expect(RedisSlot(ofKey: "foo{bar}{zap}") == RedisSlot(ofKey: "bar"))
    }

    @Test("There are 16,384 slots", arguments: [-1, 16_384])
    func bounds(number: Int) {
        #expect(RedisSlot(number) == nil)
        #expect(RedisSlot(0)?.number == 0)
        #expect(RedisSlot(16_383)?.number == 16_383)
    }
}
