import Foundation
import Synchronization
import Testing

@testable import ParleyBackends

@Suite(.timeLimit(.minutes(1))) struct EffectQueuesTests {
    @Test("Who finds a queue empty does its effects, and those that come meanwhile")
    func queues() {
        var queues = EffectQueues<String, Int>()
        #expect(queues.append(1, for: "a") == true)
        #expect(queues.append(2, for: "a") == false)
        // Another key does not wait.
        #expect(queues.append(3, for: "b") == true)
        #expect(queues.next(of: "a") == 1)
        #expect(queues.append(4, for: "a") == false)
        for expected in [2, 4, nil] { #expect(queues.next(of: "a") == expected) }
        #expect(!queues.isEmpty)
        for expected in [3, nil] { #expect(queues.next(of: "b") == expected) }
        #expect(queues.isEmpty)
        #expect(queues.append(5, for: "a") == true)
    }

    /// What many threads decide and do.
    private final class Shared: Sendable {
        struct State: Sendable {
            var queues = EffectQueues<Int, Int>()
            var decided = [0, 0, 0]
            var done: [[Int]] = [[], [], []]
            var busy: Set<Int> = []
            var collisions = 0
        }

        private let state = Mutex(State())

        func withLock<Value: Sendable>(_ body: (inout State) -> Value) -> Value { self.state.withLock { body(&$0) } }
    }

    @Test("What many decide at once is done in the order of the decisions, by one at a time for each key")
    func order() async {
        let state = Shared()
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for turn in 0..<3000 {
                        let key = turn % 3
                        let isIdle = state.withLock { state in
                            state.decided[key] += 1
                            return state.queues.append(state.decided[key], for: key)
                        }
                        guard isIdle else { continue }
                        while let effect = state.withLock({ $0.queues.next(of: key) }) {
                            state.withLock { if !$0.busy.insert(key).inserted { $0.collisions += 1 } }
                            state.withLock { $0.done[key].append(effect) }
                            state.withLock { _ = $0.busy.remove(key) }
                        }
                    }
                }
            }
        }
        #expect(state.withLock { $0.done } == Array(repeating: Array(1...8000), count: 3))
        #expect(state.withLock { $0.collisions == 0 && $0.queues.isEmpty })
    }
}
