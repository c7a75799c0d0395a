import Testing

@testable import ParleyModel

/// Tests of `Identifiers+Random.swift`.
@Suite struct RandomIdentifierTests {
    static let urlSafe = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

    @Test(
        "A URL-safe identifier has the asked length and the alphabet of nanoid",
        arguments: [0, 1, 10, 11, 16, 21, 64]
    )
    func length(length: Int) {
        var random: any RandomNumberGenerator = SeededGenerator(seed: UInt64(length))
        for _ in 0..<50 {
            let identifier = RandomIdentifier.urlSafe(length: length, using: &random)
            #expect(identifier.count == length)
            #expect(identifier.allSatisfy(Self.urlSafe.contains))
        }
    }

    @Test("Every character of the alphabet occurs, at every place")
    func alphabet() {
        var random: any RandomNumberGenerator = SeededGenerator(seed: 1)
        var seen = [Set<Character>](repeating: [], count: 21)
        for _ in 0..<2000 {
            for (place, character) in RandomIdentifier.urlSafe(length: 21, using: &random).enumerated() {
                seen[place].insert(character)
            }
        }
        #expect(seen.allSatisfy { $0 == Self.urlSafe })
    }

    @Test("Identifiers do not repeat")
    func unique() {
        var random: any RandomNumberGenerator = SeededGenerator(seed: 2)
        #expect(Set((0..<1000).map { _ in RandomIdentifier.urlSafe(length: 21, using: &random) }).count == 1000)
        #expect(Set((0..<1000).map { _ in RandomIdentifier.uuid(using: &random) }).count == 1000)
    }

    @Test(
        "A UUID has version 4 and the RFC's variant, whatever the random bits",
        arguments: [
            (UInt64.min, "00000000-0000-4000-8000-000000000000"), (.max, "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (0x0123_4567_89ab_cdef, "01234567-89ab-4def-8123-456789abcdef"),
        ]
    )
    func uuidBits(bits: UInt64, expected: String) {
        var random: any RandomNumberGenerator = ConstantGenerator(bits: bits)
        #expect(RandomIdentifier.uuid(using: &random) == expected)
    }

    @Test("A UUID is in canonical lower-case form")
    func uuidForm() {
        var random: any RandomNumberGenerator = SeededGenerator(seed: 3)
        for _ in 0..<100 {
            let uuid = RandomIdentifier.uuid(using: &random)
            #expect(uuid.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
        }
    }

    @Test("A room id is of base 36 and has the asked length", arguments: [0, 1, 11])
    func base36(length: Int) {
        var random: any RandomNumberGenerator = SeededGenerator(seed: 4)
        var seen: Set<Character> = []
        for _ in 0..<500 {
            let room = RandomIdentifier.base36(length: length, using: &random)
            #expect(room.count == length)
            seen.formUnion(room)
        }
        #expect(length == 0 ? seen.isEmpty : seen == Set("0123456789abcdefghijklmnopqrstuvwxyz"))
    }
}
