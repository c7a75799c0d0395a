import ParleyHub
import Synchronization
import Testing

@Suite struct MemoryLedgerTests {
    /// Holdings that note who was told to go.
    private final class Owners: Sendable {
        let ledger: MemoryLedger
        let evicted = Mutex<[Int]>([])

        init(maximumBytes: Int) { self.ledger = MemoryLedger(maximumBytes: maximumBytes) }

        func open(_ number: Int, _ kind: MemoryLedger.Kind = .output) -> MemoryLedger.Holding {
            self.ledger.open(kind) { self.evicted.withLock { $0.append(number) } }
        }

        func takeEvicted() -> [Int] {
            self.evicted.withLock { evicted in
                defer { evicted = [] }
                return evicted
            }
        }
    }

    @Test("Nobody goes while all fit")
    func fits() {
        let owners = Owners(maximumBytes: 100)
        let (first, second) = (owners.open(1), owners.open(2, .polling))
        first.update(bytes: 60)
        second.update(bytes: 40)
        #expect(owners.ledger.totalBytes == 100)
        #expect(owners.ledger.bytes(of: .polling) == 40)
        first.update(bytes: 10)
        second.update(bytes: 0)
        #expect(owners.ledger.totalBytes == 10)
        #expect(owners.takeEvicted() == [])
    }

    @Test("The largest goes, whoever it was that came last and whatever carries it, and is counted no more")
    func largest() {
        let owners = Owners(maximumBytes: 100)
        let (first, second) = (owners.open(1, .http), owners.open(2))
        first.update(bytes: 70)
        second.update(bytes: 31)
        #expect(owners.takeEvicted() == [1])
        #expect(owners.ledger.totalBytes == 31)
        first.update(bytes: 0)
        #expect(owners.ledger.totalBytes == 31)
        second.update(bytes: 101)
        #expect(owners.takeEvicted() == [2])
        #expect(owners.ledger.totalBytes == 0)
    }

    @Test("As many go as it takes")
    func several() {
        let owners = Owners(maximumBytes: 100)
        let small = (0..<10).map { owners.open($0) }
        for holding in small { holding.update(bytes: 10) }
        let large = owners.open(10)
        large.update(bytes: 9)
        #expect(owners.takeEvicted().count == 1)
        large.update(bytes: 30)
        #expect(owners.takeEvicted() == [10])
        #expect(owners.ledger.totalBytes == 90)
    }

    @Test("Who lets go of a holding gives back what it had")
    func release() {
        let owners = Owners(maximumBytes: 100)
        do {
            let holding = owners.open(1)
            holding.update(bytes: 50)
        }
        #expect(owners.ledger.totalBytes == 0)
        #expect(owners.ledger.bytes(of: .output) == 0)
    }

    @Test(
        "The total is that of a plain table, and within the limit after every step",
        arguments: 0..<10 as Range<UInt64>
    )
    func model(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let owners = Owners(maximumBytes: 1000)
        let holdings = (0..<10).map { owners.open($0) }
        var model: [Int: Int] = [:]
        for step in 0..<500 {
            let number = Int.random(in: 0..<10, using: &random)
            let bytes = Bool.random(using: &random) ? 0 : Int.random(in: 1...400, using: &random)
            model[number] = bytes
            let expectsVictim = model.values.reduce(0, +) > 1000
            holdings[number].update(bytes: bytes)
            let victims = owners.takeEvicted()
            #expect(victims.isEmpty != expectsVictim, "seed \(seed), step \(step)")
            for victim in victims {
                #expect(model[victim] == model.values.max())
                model[victim] = nil
            }
            #expect(owners.ledger.totalBytes == model.values.reduce(0, +))
            #expect(owners.ledger.totalBytes <= 1000)
        }
    }
}
