import NIOCore
import Testing

@testable import ParleyHub

@Suite struct TurnShareTests {
    private static let start = NIODeadline.uptimeNanoseconds(0)

    /// How many messages fit into a share.
    private static func messages(bytes: Int, deliveries: Int, each time: TimeAmount) -> Int {
        var share = TurnShare(now: self.start, deliveries: 0)
        var now = self.start
        for count in 1...10_000 {
            now = now + time
            if share.spend(bytes: bytes, deliveries: count * deliveries, now: now) { return count }
        }
        return .max
    }

    @Test("A share ends with its messages, its bytes or its time, whichever comes first")
    func ends() {
        #expect(Self.messages(bytes: 1, deliveries: 1, each: .nanoseconds(1)) == TurnShare.maximumMessages)
        #expect(Self.messages(bytes: 64 * 1024, deliveries: 1, each: .nanoseconds(1)) == 4)
        #expect(Self.messages(bytes: 1 << 20, deliveries: 1, each: .nanoseconds(1)) == 1)
        #expect(Self.messages(bytes: 1, deliveries: 1, each: .microseconds(20)) == 32)
        #expect(Self.messages(bytes: 1, deliveries: 1, each: .microseconds(100)) == TurnShare.messagesBetweenLooks)
    }

    @Test("Messages with many deliveries have the clock looked at sooner")
    func deliveries() {
        #expect(Self.messages(bytes: 1, deliveries: 1000, each: .microseconds(250)) == 2)
        #expect(Self.messages(bytes: 1, deliveries: 100, each: .microseconds(200)) == 3)
    }
}

@Suite struct TurnQueueTests {
    private final class Taker: TurnTaker {
        func takeTurn() -> Bool { false }
    }

    @Test("Who has not had a share yet comes before those that used theirs up, each in the order of coming")
    func order() {
        let takers = (0..<4).map { _ in Taker() }
        var queue = TurnQueue()
        queue.append(takers[0], isGreedy: true)
        queue.append(takers[1], isGreedy: true)
        queue.append(takers[2], isGreedy: false)
        queue.append(takers[3], isGreedy: false)
        #expect([2, 3, 0, 1].allSatisfy { queue.next() === takers[$0] })
        #expect(queue.isEmpty)
    }
}
