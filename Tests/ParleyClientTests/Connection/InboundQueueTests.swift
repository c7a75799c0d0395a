import Testing

@testable import ParleyClient

@Suite("Inbound queue")
struct InboundQueueTests {
    private struct Failure: Error {}

    /// Elements count 64 bytes beside their own.
    private var queue = InboundQueue<String, Int>(maximumBytes: 200)

    @Test("What waits is delivered in order, and who comes first is served first")
    func order() {
        var queue = self.queue
        #expect(queue.push("a", bytes: 1).word == "none")
        #expect(queue.push("b", bytes: 1).word == "none")
        #expect(queue.next(1, 10).word == "a")
        #expect(queue.next(2, 20).word == "b")
        #expect(queue.next(3, 30).word == "wait")
        #expect(queue.next(4, 40).word == "wait")
        #expect(queue.push("c", bytes: 1).word == "deliver to 30")
        #expect(queue.push("d", bytes: 1).word == "deliver to 40")
        #expect(queue.push("e", bytes: 1).word == "none")
    }

    @Test("Reading stops above the maximum, once, and goes on at half of it")
    func backPressure() {
        var queue = self.queue
        #expect(queue.push("a", bytes: 16).word == "none")
        #expect(queue.push("b", bytes: 16).word == "none")
        #expect(queue.push("c", bytes: 16).word == "stop")
        #expect(queue.push("d", bytes: 16).word == "none")
        #expect(queue.next(1, 10).word == "a")
        #expect(queue.next(2, 10).word == "b")
        #expect(queue.poll().map { "\($0) \($1)" } == "c true")
        #expect(queue.next(3, 10).word == "d")
        #expect(queue.poll() == nil)
    }

    @Test("A waiter that gave up is served no more")
    func cancel() {
        var queue = self.queue
        #expect(queue.next(1, 10).word == "wait")
        #expect(queue.next(2, 20).word == "wait")
        #expect(queue.cancel(1) == 10)
        #expect(queue.cancel(1) == nil)
        #expect(queue.push("a", bytes: 1).word == "deliver to 20")
        #expect(queue.cancel(2) == nil)
    }

    @Test("After the end, what waits can be had, and nothing comes in")
    func finish() {
        var queue = self.queue
        _ = queue.push("a", bytes: 1)
        #expect(queue.finish(Failure()).isEmpty)
        #expect(queue.finish(nil).isEmpty)
        #expect(queue.push("b", bytes: 1).word == "none")
        #expect(queue.next(1, 10).word == "a")
        #expect(queue.next(2, 10).word == "failed")
        #expect(queue.next(3, 10).word == "failed")
    }

    @Test("The end gives all waiters back")
    func finishWithWaiters() {
        var queue = self.queue
        _ = queue.next(1, 10)
        _ = queue.next(2, 20)
        #expect(queue.finish(nil) == [10, 20])
        #expect(queue.next(3, 30).word == "ended")
    }
}

extension InboundQueue.PushAction where Waiter == Int {
    fileprivate var word: String {
        switch self {
        case .deliver(let waiter): "deliver to \(waiter)"
        case .none: "none"
        case .stopReading: "stop"
        }
    }
}

extension InboundQueue.NextAction where Element == String {
    fileprivate var word: String {
        switch self {
        case .deliver(let element, _): element
        case .wait: "wait"
        case .finish(nil): "ended"
        case .finish: "failed"
        }
    }
}
