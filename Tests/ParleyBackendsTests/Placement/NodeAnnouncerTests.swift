import NIOCore
import ParleyHub
import Testing

@testable import ParleyBackends

@Suite struct NodeAnnouncerTests {
    private static func at(_ seconds: Int64) -> NIODeadline { .zero + .seconds(1000 + seconds) }

    @Test("A node announces itself at once, when its load changes, and three times in a lease")
    func times() {
        var announcer = NodeAnnouncer(lease: .seconds(45))
        var announced: [Int64] = []
        for second in 0...40 as ClosedRange<Int64> where announcer.tick(load: second < 20 ? 1 : 2, at: Self.at(second))
        {
            announced.append(second)
            #expect(announcer.answered(nil, at: Self.at(second)) == nil)
        }
        #expect(announced == [0, 15, 20, 35])
    }

    @Test("None overtakes another")
    func order() {
        var announcer = NodeAnnouncer(lease: .seconds(45))
        #expect(announcer.tick(load: 0, at: Self.at(0)) == true)
        #expect(announcer.tick(load: 1, at: Self.at(50)) == false)
        _ = announcer.answered(nil, at: Self.at(50))
        #expect(announcer.tick(load: 1, at: Self.at(50)) == true)
    }

    @Test("One that was not taken is said again two seconds later, and operators hear of it once")
    func failures() {
        var announcer = NodeAnnouncer(lease: .seconds(45))
        let error = StoreError(.unavailable, "Not now")
        var announced: [Int64] = []
        for second in 0...6 as ClosedRange<Int64> where announcer.tick(load: second == 1 ? 1 : 0, at: Self.at(second)) {
            announced.append(second)
            let change = announcer.answered(second < 6 ? error : nil, at: Self.at(second))
            let expected: [Int64: StoreHealth.Change] = [0: .began(.write, error), 6: .ended(.write, failures: 3)]
            #expect(change == expected[second])
        }
        #expect(announced == [0, 2, 4, 6])
    }
}
