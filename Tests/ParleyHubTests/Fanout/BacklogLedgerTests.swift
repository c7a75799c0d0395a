import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct BacklogLedgerTests {
    @Test("Nobody goes while all fit")
    func fits() {
        let ledger = BacklogLedger(maximumBytes: 100)
        #expect(ledger.update(Self.id(1), bytes: 60) == nil)
        #expect(ledger.update(Self.id(2), bytes: 40) == nil)
        #expect(ledger.totalBytes == 100)
        #expect(ledger.update(Self.id(1), bytes: 10) == nil)
        #expect(ledger.update(Self.id(2), bytes: 0) == nil)
        #expect(ledger.totalBytes == 10)
    }

    @Test("The largest goes, whoever it was that came last, and is counted no more")
    func largest() {
        let ledger = BacklogLedger(maximumBytes: 100)
        #expect(ledger.update(Self.id(1), bytes: 70) == nil)
        #expect(ledger.update(Self.id(2), bytes: 31) == Self.id(1))
        #expect(ledger.totalBytes == 31)
        #expect(ledger.update(Self.id(1), bytes: 0) == nil)
        #expect(ledger.totalBytes == 31)
        #expect(ledger.update(Self.id(2), bytes: 101) == Self.id(2))
        #expect(ledger.totalBytes == 0)
    }

    @Test(
        "The total is that of a plain table, and within the limit after every step",
        arguments: 0..<10 as Range<UInt64>
    )
    func model(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ledger = BacklogLedger(maximumBytes: 1000)
        var model: [ConnectionID: Int] = [:]
        for step in 0..<500 {
            let id = Self.id(Int.random(in: 0..<10, using: &random))
            let bytes = Bool.random(using: &random) ? 0 : Int.random(in: 1...400, using: &random)
            model[id] = bytes
            let expectsVictim = model.values.reduce(0, +) > 1000
            let victim = ledger.update(id, bytes: bytes)
            #expect((victim != nil) == expectsVictim, "seed \(seed), step \(step)")
            if let victim {
                #expect(model[victim] == model.values.max())
                model[victim] = nil
            }
            #expect(ledger.totalBytes == model.values.reduce(0, +))
            #expect(ledger.totalBytes <= 1000)
        }
    }

    private static func id(_ slot: Int) -> ConnectionID { ConnectionID(shard: 0, slot: UInt32(slot), generation: 0) }
}
