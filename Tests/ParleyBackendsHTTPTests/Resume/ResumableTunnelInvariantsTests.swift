import NIOCore
import ParleyBackends
import Testing

@testable import ParleyBackendsHTTP

private typealias Machine = ResumableTunnelMachine

/// Whatever happens in whatever order: what a client, a backend and the process may rely on.
@Suite struct ResumableTunnelInvariantsTests {
    /// What was said so far.
    private struct Record {
        var number = 0
        var isOpen = false
        var isFinished = false
        var hasPatience = false
        var held = 0
        var faults: [String] = []

        mutating func note(_ action: Machine.Action) {
            switch action {
            case .watch(let number):
                if self.isOpen { self.faults.append("two routes are open") }
                if number != self.number + 1 { self.faults.append("\(number) follows \(self.number)") }
                (self.isOpen, self.number) = (true, number)
            case .release:
                if !self.isOpen { self.faults.append("no route is open") }
                self.isOpen = false
            case .toClient: if self.isFinished { self.faults.append("words behind the end") }
            case .finishClient:
                if self.isFinished { self.faults.append("two ends") }
                self.isFinished = true
            case .startPatience:
                if self.hasPatience { self.faults.append("two patiences") }
                self.hasPatience = true
            case .stopPatience: self.hasPatience = false
            case .hold(let bytes, let more):
                if self.held + more != bytes { self.faults.append("\(self.held) and \(more) are not \(bytes)") }
                self.held = bytes
            case .toBackend, .flush, .readClient, .finishBackend, .closeBackend, .findSuccessor, .open, .retry,
                .passOver, .awaitBackend, .connect, .shakeHands, .join, .drop, .stopSearch:
                break
            }
        }
    }

    @Test("One route is open at most, nothing is said behind the end, and nothing is left", arguments: UInt64(0)..<8)
    func invariants(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<1000 {
            var machine = Machine(ResumePolicy(maximumBytes: 1 << 18))
            var record = Record()
            for action in machine.begin() + machine.started() { record.note(action) }
            var steps: [Int] = []
            for _ in 0..<Int.random(in: 1..<60, using: &random) {
                let step = Int.random(in: 0..<19, using: &random)
                steps.append(step)
                for action in Self.take(step, record.number, &machine, &random) { record.note(action) }
            }
            for action in machine.revokedAndClosed() { record.note(action) }
            if record.isOpen { record.faults.append("a route is left") }
            if record.hasPatience { record.faults.append("somebody waits still") }
            if record.held != 0 { record.faults.append("\(record.held) bytes are left") }
            #expect(record.faults == [], "\(steps)")
        }
    }

    private static let large = Frames.client(String(repeating: "x", count: 50 << 10))

    private static func take(
        _ step: Int,
        _ number: Int,
        _ machine: inout Machine,
        _ random: inout SeededRandom
    ) -> [Machine.Action] {
        let isTrue = Bool.random(using: &random)
        // Now and then it is about one that is gone.
        let number = Int.random(in: 0..<10, using: &random) == 0 ? number - 1 : number
        let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        switch step {
        case 0: return machine.clientSent(isTrue ? self.large : Frames.client("a"))
        case 1: return machine.backendSent(Frames.server("b"))
        case 2: return machine.backendSent(Frames.close(1012))
        case 3: return isTrue ? machine.backendClosed(isReset: Bool.random(using: &random), now: now) : []
        case 4: return machine.leaving(number)
        case 5, 6, 7: return machine.found(.successor)
        case 8, 9, 10: return machine.opened([.ready, .pending, .gone, .full].randomElement(using: &random)!)
        case 11: return machine.retries()
        case 12: return machine.settled(number, isReady: isTrue)
        case 13: return machine.connected(number)
        case 14: return isTrue ? machine.connectFailed(number) : machine.joinFailed(number)
        case 15: return machine.answered(number, [.agreed, .agreed, .refused, .closed].randomElement(using: &random)!)
        case 16: return machine.joined(number, isServing: isTrue)
        case 17:
            machine.wrote(10)
            return machine.cutOff(number, isServing: Int.random(in: 0..<5, using: &random) == 0)
        default:
            switch Int.random(in: 0..<20, using: &random) {
            case 0: return machine.clientClosed()
            case 1: return machine.waitedInVain()
            case 2: return machine.found(.nobody)
            case 3: return machine.clientSent(Frames.close(1000, mask: 1))
            case 4: return machine.exhausted()
            default: return []
            }
        }
    }
}

extension ResumableTunnelMachine {
    /// The end, from any state.
    fileprivate mutating func revokedAndClosed() -> [Action] { self.exhausted() + self.clientClosed() }
}
