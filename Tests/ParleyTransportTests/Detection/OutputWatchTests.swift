import Testing

@testable import ParleyTransport

@Suite struct OutputWatchTests {
    struct Look: Sendable {
        let pending: Int
        var isStuck = true
        let action: OutputWatch.Action
    }

    @Test(
        "A client that takes nothing of what holds everything up is given up",
        arguments: [
            [Look(pending: 100, action: .close)],
            [Look(pending: 101, action: .close)],
            [Look(pending: 99, action: .lookLater), Look(pending: 99, action: .close)],
            [Look(pending: 50, action: .lookLater), Look(pending: 0, action: .none)],
            [Look(pending: 0, action: .none)],
            // Answers are still made, and may be taken together.
            [Look(pending: 100, isStuck: false, action: .lookLater), Look(pending: 100, action: .close)],
        ]
    )
    func looks(looks: [Look]) {
        var watch = OutputWatch()
        #expect(watch.began(pendingBytes: 100) == .lookLater)
        for look in looks {
            #expect(watch.looked(pendingBytes: look.pending, isStuck: look.isStuck) == look.action)
        }
    }

    @Test("Somebody looks once, and again when something new waits")
    func once() {
        var watch = OutputWatch()
        #expect(watch.began(pendingBytes: 0) == .none)
        #expect(watch.began(pendingBytes: 5) == .lookLater)
        #expect(watch.began(pendingBytes: 6) == .none)
        #expect(watch.looked(pendingBytes: 0, isStuck: true) == .none)
        #expect(watch.began(pendingBytes: 1) == .lookLater)
    }
}
