import Testing

@testable import ParleyModel

@Suite struct IdentifiersTests {
    static let hashes: [(space: UInt16, name: String, hash: UInt64)] = [
        // Published vectors of FNV-1a, 64 bits.
        (0, "", 0xcbf2_9ce4_8422_2325), (0, "a", 0xaf63_dc4c_8601_ec8c), (0, "foobar", 0x8594_4171_f739_67e8),
        // Ours, with a space.
        (0, "lobby", 0x1cca_e3b6_ef72_f533), (1, "lobby", 0xd467_2a93_5e05_c024), (3, "lobby", 0x9c2c_fe9c_39b7_aeae),
        (.max, "lobby", 0x05e9_47c7_9027_1a2a), (0, "Lobby", 0xe1de_c2c7_2bcb_b693),
        (2, "ünï ✓", 0xde93_ddce_ccdd_1e4b),
    ]

    @Test("A topic's place is the same in every process and release", arguments: hashes)
    func stableHash(space: UInt16, name: String, hash: UInt64) {
        #expect(TopicKey(space: SpaceID(rawValue: space), name: TopicName(name)).stableHash == hash)
    }

    @Test(
        "Topic names are compared byte for byte, so that equal names have one place",
        arguments: [("Room", "room"), ("caf\u{e9}", "cafe\u{301}"), ("\u{212b}", "\u{c5}"), ("a", "a\u{0}"), ("", " ")]
    )
    func byteEquality(one: String, other: String) {
        #expect(TopicName(one) != TopicName(other))
        #expect(Set([TopicName(one), TopicName(other)]).count == 2)
        #expect(TopicName(one) == TopicName(String(Array(one))))
        #expect(TopicName(one).hashValue == TopicName(String(Array(one))).hashValue)
    }

    @Test("The same name in two spaces is two topics")
    func spaces() {
        let keys = [0, 1].map { TopicKey(space: SpaceID(rawValue: $0), name: TopicName("lobby")) }
        #expect(keys[0] != keys[1])
        #expect(keys.map(\.description) == ["0/lobby", "1/lobby"])
    }

    @Test("A slot's next tenant has another identifier")
    func generations() {
        let first = ConnectionID(shard: 1, slot: 2, generation: 3)
        #expect(first != ConnectionID(shard: 1, slot: 2, generation: 4))
        #expect(first.description == "1-2-3")
    }
}
