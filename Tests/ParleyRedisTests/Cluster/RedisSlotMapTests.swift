import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisSlotMapTests {
    static func range(_ first: Int64, _ last: Int64, _ host: RESPValue, _ port: Int64) -> RESPValue {
        .array([
            .integer(first), .integer(last), .array([host, .integer(port), .bulk("id"), .array([])]),
            .array([.bulk("replica"), .integer(1), .bulk("id")]),
        ])
    }

    private let asked = RedisAddress("seed", 7000)

    @Test("Each slot has the primary that was named for it")
    func map() throws {
        let answer = RESPValue.array([
            Self.range(0, 5460, .bulk("10.0.0.1"), 7001), Self.range(5461, 10_922, .bulk("10.0.0.2"), 7002),
            Self.range(16_383, 16_383, .bulk("10.0.0.1"), 7001),
        ])
        let map = try #require(RedisSlotMap(answer: answer, from: self.asked))
        #expect(map.nodes == [RedisAddress("10.0.0.1", 7001), RedisAddress("10.0.0.2", 7002)])
        func owner(_ number: Int) -> RedisAddress? { RedisSlot(number).flatMap { map[$0] } }
        #expect(owner(0) == map.nodes[0])
        #expect(owner(5460) == map.nodes[0])
        #expect(owner(5461) == map.nodes[1])
        #expect(owner(10_923) == nil)
        #expect(owner(16_383) == map.nodes[0])
    }

    @Test(
        "A node that does not know its own name is reached as it was asked",
        arguments: [.null, .bulk(""), .bulk("?")] as [RESPValue]
    )
    func unknownHost(host: RESPValue) throws {
        let map = try #require(RedisSlotMap(answer: .array([Self.range(0, 1, host, 7001)]), from: self.asked))
        #expect(map.nodes == [RedisAddress("seed", 7001)])
    }

    @Test(
        "What is no map is none",
        arguments: [
            .null, .array([]), .ok, .error("ERR This instance has cluster support disabled"), .array([.null]),
            .array([.array([])]),
            .array([Self.range(-1, 5, .bulk("h"), 1)]), .array([Self.range(5, 4, .bulk("h"), 1)]),
            .array([Self.range(0, 16_384, .bulk("h"), 1)]), .array([Self.range(0, 1, .bulk("h"), 0)]),
            .array([Self.range(0, 1, .bulk("h"), 65_536)]), .array([Self.range(0, 1, .bulk("h h"), 1)]),
            .array([Self.range(0, 1, .bulk("h"), .max)]),
            .array([.array([.integer(0), .integer(1), .array([.bulk("h")])])]),
        ] as [RESPValue]
    )
    func none(answer: RESPValue) {
        #expect(RedisSlotMap(answer: answer, from: self.asked) == nil)
    }

    @Test("One slot can be assigned by itself")
    func assign() throws {
        var map = RedisSlotMap()
        let slot = try #require(RedisSlot(7))
        map.assign(slot, to: RedisAddress("h", 1))
        #expect(map[slot] == RedisAddress("h", 1))
        #expect(RedisSlot(8).flatMap { map[$0] } == nil)
    }
}
