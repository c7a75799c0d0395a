import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

/// What a topic says to somebody who comes back with a place.
@Suite("What was said behind a place of a topic")
struct TopicRecoveryTests {
    private static let sender = Sender(id: "s", name: "s")

    private static func machine(_ policy: HistoryPolicy) -> TopicMachine { TopicMachine(epoch: 7, policy: policy) }

    private static func say(_ text: String, at seconds: Int64 = 0, to machine: inout TopicMachine) {
        let publish = TopicPublish(origin: .outside(Self.sender), payload: .text(ByteBuffer(string: text)))
        _ = machine.receive(.publish(publish), at: WallTime(milliseconds: seconds * 1000))
    }

    private static func offsets(
        of machine: TopicMachine,
        after offset: UInt64,
        epoch: UInt64 = 7
    ) -> [UInt64]? {
        machine.publications(after: StreamPosition(epoch: epoch, offset: offset))?.map(\.offset)
    }

    @Test(
        "All of it, or nothing where a part is lost or was never said",
        arguments: [(0, nil), (1, nil), (2, [3, 4, 5]), (3, [4, 5]), (5, []), (6, nil), (.max, nil)]
            as [(UInt64, [UInt64]?)]
    )
    func kept(offset: UInt64, expected: [UInt64]?) {
        var machine = Self.machine(HistoryPolicy(limit: 3))
        for number in 1...5 { Self.say("\(number)", to: &machine) }
        #expect(Self.offsets(of: machine, after: offset) == expected)
        #expect(Self.offsets(of: machine, after: offset, epoch: 8) == nil)
    }

    @Test("Joins and leaves have places, and lose nobody anything")
    func members() {
        var machine = Self.machine(HistoryPolicy(limit: 10))
        let client = ClientID(incarnation: .lone, connection: ConnectionID(shard: 0, slot: 1, generation: 0))
        let member = Member(client: client, id: "m", name: "m", dialect: .relay)
        Self.say("1", to: &machine)
        _ = machine.receive(.join(TopicJoin(member: member), FormatID(index: 0)), at: WallTime(milliseconds: 0))
        Self.say("3", to: &machine)
        _ = machine.receive(.leave(client), at: WallTime(milliseconds: 0))
        #expect(Self.offsets(of: machine, after: 0) == [1, 3])
        #expect(Self.offsets(of: machine, after: 2) == [3])
        #expect(Self.offsets(of: machine, after: 4) == [])
    }

    @Test("Bytes and age count as much as number; what is packed is as good")
    func bounds() {
        var bytes = Self.machine(HistoryPolicy(limit: 10, maximumBytes: 4))
        for text in ["ab", "cd", "ef"] { Self.say(text, to: &bytes) }
        #expect(Self.offsets(of: bytes, after: 0) == nil)
        #expect(Self.offsets(of: bytes, after: 1) == [2, 3])
        bytes.rest()
        #expect(Self.offsets(of: bytes, after: 1) == [2, 3])

        var age = Self.machine(HistoryPolicy(limit: 10, maximumAge: .seconds(10)))
        for second in [0, 5, 11] as [Int64] { Self.say("x", at: second, to: &age) }
        #expect(Self.offsets(of: age, after: 0) == nil)
        #expect(Self.offsets(of: age, after: 1) == [2, 3])
        age.expire(at: WallTime(milliseconds: 22_000))
        #expect(Self.offsets(of: age, after: 2) == nil)
        #expect(Self.offsets(of: age, after: 3) == [])
    }

    @Test("Where nothing is kept, only who has everything misses nothing")
    func nothingKept() {
        var machine = Self.machine(HistoryPolicy())
        Self.say("1", to: &machine)
        #expect(Self.offsets(of: machine, after: 0) == nil)
        #expect(Self.offsets(of: machine, after: 1) == [])
    }
}
