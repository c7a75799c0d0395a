import NIOCore
import Testing

@testable import ParleyClient

@Suite("Pending pings")
struct PendingPingsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000)

    private func payload(_ id: UInt64) -> ByteBuffer { ByteBuffer(integer: id) }

    @Test("A pong answers its ping with the time since")
    func answer() {
        var pings = PendingPings<String>()
        let id = pings.sendPing(now: self.start, "a")
        let answers = pings.receivedPong(self.payload(id), now: self.start + .milliseconds(3))
        #expect(answers.map(\.waiter) == ["a"])
        #expect(answers.map(\.roundTrip) == [.milliseconds(3)])
        #expect(pings.receivedPong(self.payload(id), now: self.start).isEmpty)
    }

    @Test("A pong answers the pings before it as well, and none after it")
    func earlier() {
        var pings = PendingPings<String>()
        _ = pings.sendPing(now: self.start, "a")
        let second = pings.sendPing(now: self.start + .milliseconds(1), "b")
        let third = pings.sendPing(now: self.start + .milliseconds(2), "c")
        let answers = pings.receivedPong(self.payload(second), now: self.start + .milliseconds(5))
        #expect(answers.map(\.waiter) == ["a", "b"])
        #expect(answers.map(\.roundTrip) == [.milliseconds(5), .milliseconds(4)])
        #expect(pings.receivedPong(self.payload(third), now: self.start).map(\.waiter) == ["c"])
    }

    @Test("Pongs that nobody asked for answer nothing", arguments: ["", "x", "12345678", "123456789"])
    func unasked(_ payload: String) {
        var pings = PendingPings<String>()
        _ = pings.sendPing(now: self.start, "a")
        #expect(pings.receivedPong(ByteBuffer(string: payload), now: self.start).isEmpty)
        #expect(pings.cancelAll() == ["a"])
    }

    @Test("A ping expires once, and not after its answer")
    func expiry() {
        var pings = PendingPings<String>()
        let first = pings.sendPing(now: self.start, "a")
        let second = pings.sendPing(now: self.start, "b")
        #expect(pings.expire(first) == "a")
        #expect(pings.expire(first) == nil)
        #expect(pings.receivedPong(self.payload(second), now: self.start).count == 1)
        #expect(pings.expire(second) == nil)
        #expect(pings.cancelAll().isEmpty)
    }
}
