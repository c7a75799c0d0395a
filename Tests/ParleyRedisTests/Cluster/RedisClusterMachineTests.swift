import NIOCore
import RESP
import Testing

@testable import ParleyRedis

@Suite struct RedisClusterMachineTests {
    private static let seeds = [RedisAddress("s1", 1), RedisAddress("s2", 2)]
    private static let error = RedisError(.connectionLost, "no")

    private static func slots(_ nodes: [(Int64, Int64, String, Int64)]) -> RESPValue {
        .array(nodes.map { RedisSlotMapTests.range($0.0, $0.1, .bulk($0.2), $0.3) })
    }

    private func said(_ machine: inout RedisClusterMachine) -> [RedisClusterMachine.Action] {
        var said: [RedisClusterMachine.Action] = []
        while let action = machine.next() { said.append(action) }
        return said
    }

    /// That knows two nodes with half of the slots each.
    private func known() -> RedisClusterMachine {
        var machine = RedisClusterMachine(seeds: Self.seeds, now: .at(0))
        machine.tick(now: .at(0))
        machine.answered(Self.slots([(0, 8191, "a", 1), (8192, 16_383, "b", 2)]), by: Self.seeds[0], now: .at(1))
        #expect(said(&machine) == [.askForSlots(Self.seeds[0]), .changed])
        return machine
    }

    @Test("The nodes that were named are asked one after another, until one knows")
    func seeds() {
        var machine = RedisClusterMachine(seeds: Self.seeds, now: .at(0))
        #expect(machine.deadline == .at(0))
        #expect(machine.node(for: nil) == nil)
        machine.tick(now: .at(0))
        #expect(said(&machine) == [.askForSlots(Self.seeds[0])])
        #expect(machine.deadline == nil)
        machine.failed(Self.error, at: Self.seeds[0], now: .at(1))
        #expect(said(&machine) == [.askForSlots(Self.seeds[1])])
        machine.answered(.error("ERR no cluster"), by: Self.seeds[1], now: .at(2))
        guard case .failed(let error)? = said(&machine).first else {
            Issue.record("expected a failure")
            return
        }
        #expect(error.code == .unavailable)
        #expect(machine.deadline == .at(202))
        machine.tick(now: .at(202))
        #expect(said(&machine) == [.askForSlots(Self.seeds[0])])
        machine.answered(Self.slots([(0, 16_383, "a", 1)]), by: Self.seeds[0], now: .at(203))
        #expect(said(&machine) == [.changed])
        #expect(machine.node(for: nil) == RedisAddress("a", 1))
        #expect(machine.deadline == .at(203) + RedisClusterMachine.interval)
    }

    @Test("Answers that were not asked for, or come late, change nothing")
    func late() {
        var machine = self.known()
        machine.answered(Self.slots([(0, 16_383, "x", 1)]), by: Self.seeds[1], now: .at(2))
        machine.failed(Self.error, at: RedisAddress("a", 1), now: .at(2))
        #expect(said(&machine).isEmpty)
        #expect(machine.node(for: RedisSlot(0)) == RedisAddress("a", 1))
    }

    @Test("A slot that has moved is known at once, and the whole map soon")
    func moved() throws {
        var machine = self.known()
        let slot = try #require(RedisSlot(5))
        machine.moved(slot, to: RedisAddress("b", 2), now: .at(1000))
        #expect(said(&machine) == [.changed])
        #expect(machine.node(for: slot) == RedisAddress("b", 2))
        #expect(machine.deadline == .at(1000))
        machine.moved(slot, to: RedisAddress("b", 2), now: .at(1001))
        #expect(said(&machine).isEmpty)
        machine.tick(now: .at(1001))
        #expect(said(&machine).count == 1)
    }

    @Test("Doubts by the thousand make one question, and one more for those that came meanwhile")
    func doubts() {
        var machine = self.known()
        for _ in 0..<1000 { machine.doubt(now: .at(50)) }
        // Not before a pause after the last question.
        #expect(machine.deadline == .at(200))
        machine.tick(now: .at(199))
        #expect(said(&machine).isEmpty)
        machine.tick(now: .at(200))
        guard case .askForSlots(let asked)? = said(&machine).first else {
            Issue.record("expected a question")
            return
        }
        for _ in 0..<1000 { machine.doubt(now: .at(201)) }
        machine.answered(Self.slots([(0, 8191, "a", 1), (8192, 16_383, "b", 2)]), by: asked, now: .at(202))
        #expect(said(&machine).isEmpty)
        #expect(machine.deadline == .at(402))
    }

    @Test("With a map it is asked again and again, and old addresses help when all others are gone")
    func rotation() {
        var machine = self.known()
        machine.tick(now: .at(1) + RedisClusterMachine.interval)
        var asked: Set<RedisAddress> = []
        var count = 0
        while let action = machine.next() {
            guard case .askForSlots(let address) = action else { continue }
            asked.insert(address)
            count += 1
            machine.failed(Self.error, at: address, now: .at(100_000))
        }
        #expect(count == 4)
        #expect(asked == [RedisAddress("a", 1), RedisAddress("b", 2), Self.seeds[0], Self.seeds[1]])
    }

    @Test("A map that is the same after nobody could be asked is told once more")
    func knownAgain() {
        let seed = RedisAddress("a", 1)
        var machine = RedisClusterMachine(seeds: [seed], now: .at(0))
        let answer = Self.slots([(0, 16_383, "a", 1)])
        var said: [RedisClusterMachine.Action] = []
        for milliseconds in [Int64(0), 1000, 2000, 3000] {
            machine.doubt(now: .at(milliseconds))
            machine.tick(now: .at(milliseconds))
            if milliseconds == 1000 {
                machine.failed(Self.error, at: seed, now: .at(milliseconds))
            } else {
                machine.answered(answer, by: seed, now: .at(milliseconds))
            }
            said += self.said(&machine).filter { $0 != .askForSlots(seed) }
        }
        #expect(said == [.changed, .failed(Self.error), .changed])
    }
}
