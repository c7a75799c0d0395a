import NIOCore
import Testing

@testable import ParleyRedis

@Suite struct RedisBackoffTests {
    @Test(
        "A wait doubles up to the longest, and chance takes at most half of it",
        arguments: [
            (1, 0, 25), (1, 1, 50), (2, 1, 100), (3, 0.5, 150), (6, 1, 1600), (7, 1, 2000), (7, 0, 1000), (63, 1, 2000),
            (1000, 1, 2000), (0, 1, 50), (-1, 1, 50), (1, 7, 50), (1, -7, 25),
        ] as [(Int, Double, Int64)]
    )
    func delay(failures: Int, chance: Double, milliseconds: Int64) {
        #expect(RedisBackoff().delay(afterFailures: failures, chance: chance) == .milliseconds(milliseconds))
    }

    @Test("Chance is the same from the same seed, and from 0 up to 1")
    func chance() {
        var one = RedisChance(seed: 7)
        var other = RedisChance(seed: 7)
        for _ in 0..<1000 {
            let value = one.next()
            #expect(value == other.next())
            #expect((0..<1).contains(value))
        }
        #expect(one.next() != RedisChance(seed: 8).firstValue)
    }
}

extension RedisChance {
    fileprivate var firstValue: Double {
        var chance = self
        return chance.next()
    }
}
