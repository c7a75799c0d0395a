import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct TopicLimitTests {
    @Test("Topics are let in up to the limit, live ones always")
    func limit() {
        let limit = TopicLimit(maximum: 2)
        #expect(limit.open(TopicName("a")))
        #expect(limit.open(TopicName("b")))
        #expect(!limit.open(TopicName("c")))
        #expect(limit.open(TopicName("a")))
        #expect(limit.liveCount == 2)
        limit.close(TopicName("a"))
        #expect(limit.open(TopicName("c")))
        #expect(!limit.open(TopicName("a")))
    }

    @Test("Whether there is room is told without taking it")
    func exhausted() {
        let limit = TopicLimit(maximum: 1)
        #expect(!limit.isExhausted(for: TopicName("a")))
        #expect(!limit.isExhausted(for: nil))
        #expect(limit.liveCount == 0)
        _ = limit.open(TopicName("a"))
        #expect(!limit.isExhausted(for: TopicName("a")))
        #expect(limit.isExhausted(for: TopicName("b")))
        #expect(limit.isExhausted(for: nil))
    }

    @Test("Zero means no limit, and live topics are counted all the same")
    func none() {
        let limit = TopicLimit(maximum: 0)
        for number in 0..<1000 { #expect(limit.open(TopicName("\(number)"))) }
        #expect(!limit.isExhausted(for: nil))
        #expect(limit.liveCount == 1000)
        limit.close(TopicName("1"))
        limit.close(TopicName("1"))
        #expect(limit.liveCount == 999)
    }
}
