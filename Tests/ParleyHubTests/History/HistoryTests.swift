import NIOCore
import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HistoryTests {
    @Test("The newest publications are kept, oldest first", arguments: [1, 2, 100])
    func limit(limit: Int) {
        var history = History()
        let policy = HistoryPolicy(limit: limit)
        for number in 1...250 { history.append(Self.publication(number), policy: policy) }
        #expect(Self.offsets(history) == Array(UInt64(250 - limit + 1)...250))
        #expect(!history.refuses(policy))
    }

    @Test("Bytes are bounded, too")
    func bytes() {
        var history = History()
        let policy = HistoryPolicy(limit: 100, maximumBytes: 25)
        for number in 1...3 { history.append(Self.publication(number, bytes: 10), policy: policy) }
        #expect(Self.offsets(history) == [2, 3])
        history.append(Self.publication(4, bytes: 5), policy: policy)
        #expect(Self.offsets(history) == [2, 3, 4])
        history.append(Self.publication(5, bytes: 1), policy: policy)
        #expect(Self.offsets(history) == [3, 4, 5])
        history.append(Self.publication(6, bytes: 25), policy: policy)
        #expect(Self.offsets(history) == [6])
    }

    @Test(
        "What an appended publication will push out is known before",
        arguments: [(3, 1000), (100, 25), (100, 40), (1, 1000), (2, 15)]
    )
    func lastDiscarded(limit: Int, maximumBytes: Int) {
        let policy = HistoryPolicy(limit: limit, maximumBytes: maximumBytes)
        var history = History()
        // Joins and leaves have offsets, too.
        let numbers = (1...60).filter { $0 % 4 != 0 } + [60]
        for number in numbers {
            let bytes = number * 7 % 30
            let expected = history.lastDiscarded(bytes: bytes, policy: policy)
            let before = Self.offsets(history)
            history.append(Self.publication(number, bytes: bytes), policy: policy)
            #expect(before.filter { !Self.offsets(history).contains($0) }.last == expected)
            #expect(history.offsets == Self.offsets(history).first.map { $0...UInt64(number) })
        }
        let middle = Self.offsets(history)[history.count / 2]
        for _ in 0...1 {
            var some: [UInt64] = []
            history.forEach(from: middle) { some.append($0.offset) }
            #expect(some == numbers.map(UInt64.init).filter { $0 >= middle })
            some = []
            history.forEach(from: 58) { some.append($0.offset) }
            #expect(some == [58, 59, 60].filter { Self.offsets(history).contains($0) })
            history.pack()
        }
        #expect(history.offsets?.upperBound == 60)
    }

    @Test("The newest is kept even if it alone is too large")
    func oversized() {
        var history = History()
        let policy = HistoryPolicy(limit: 100, maximumBytes: 25)
        history.append(Self.publication(1, bytes: 10), policy: policy)
        history.append(Self.publication(2, bytes: 1000), policy: policy)
        #expect(Self.offsets(history) == [2])
        history.append(Self.publication(3, bytes: 1), policy: policy)
        #expect(Self.offsets(history) == [3])
    }

    @Test("A history that refuses is full at its limit, one that rolls never is")
    func refuse() {
        var history = History()
        let policy = HistoryPolicy(limit: 2, whenFull: .refuse)
        #expect(!history.refuses(policy))
        history.append(Self.publication(1), policy: policy)
        #expect(!history.refuses(policy))
        history.append(Self.publication(2), policy: policy)
        #expect(history.refuses(policy))
        #expect(!history.refuses(HistoryPolicy(limit: 2, whenFull: .roll)))
    }

    @Test("Without a limit nothing is kept, and nothing is refused", arguments: [HistoryPolicy.WhenFull.roll, .refuse])
    func none(whenFull: HistoryPolicy.WhenFull) {
        let policy = HistoryPolicy(whenFull: whenFull)
        var history = History()
        history.append(Self.publication(1), policy: policy)
        #expect(history.isEmpty)
        #expect(!history.refuses(policy))
    }

    private static func publication(_ offset: Int, bytes: Int = 1) -> Publication {
        Publication(
            offset: UInt64(offset),
            time: WallTime(milliseconds: 0),
            sender: Sender(id: "s", name: "s"),
            payload: .text(ByteBuffer(repeating: 0x78, count: bytes))
        )
    }

    private static func offsets(_ history: History) -> [UInt64] { history.all.map(\.offset) }
}
