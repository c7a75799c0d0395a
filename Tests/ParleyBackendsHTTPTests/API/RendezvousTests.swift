import NIOCore
import Testing

@testable import ParleyBackendsHTTP

@Suite(.timeLimit(.minutes(1))) struct RendezvousTests {
    @Test("Whoever gives waits until it is taken, one piece at a time")
    func order() async {
        let rendezvous = Rendezvous()
        let giver = Task {
            for number in 0..<100 where await !rendezvous.put(ByteBuffer(string: "\(number)")) { return false }
            rendezvous.finish()
            return true
        }
        var taken: [String] = []
        while let piece = await rendezvous.take() { taken.append(String(buffer: piece)) }
        #expect(taken == (0..<100).map(String.init))
        #expect(await giver.value)
    }

    @Test("What is only offered is lost when nobody waits, and nobody gives to one that is over")
    func end() async {
        let rendezvous = Rendezvous()
        rendezvous.offer(ByteBuffer(string: "lost"))
        let giver = Task { await rendezvous.put(ByteBuffer(string: "kept")) }
        #expect(await rendezvous.take().map { String(buffer: $0) } == "kept")
        #expect(await giver.value)
        rendezvous.finish()
        #expect(await rendezvous.take() == nil)
        #expect(await !rendezvous.put(ByteBuffer(string: "late")))
    }

    @Test("A taker that is cancelled ends it for the giver, too")
    func cancellation() async {
        let rendezvous = Rendezvous()
        let taker = Task { await rendezvous.take() }
        taker.cancel()
        #expect(await taker.value == nil)
        #expect(await !rendezvous.put(ByteBuffer(string: "late")))
    }
}
