internal import CProcess
internal import Foundation
internal import NIOCore
internal import Synchronization

/// Children of this process that it has not started itself: what backends have left behind comes here, as the kernel makes
/// the server the parent of whoever loses its own (`PR_SET_CHILD_SUBREAPER`), and as process 1 of a container has always been.
///
/// Somebody must wait for them when they have ended, or they stay in the process table. The first processes of backends are
/// left to those who started them, and so are children that a program around us has.
final class Orphans: Sendable {
    private struct State: Sendable {
        /// How many processes are being started, whose numbers are not known yet.
        var launching = 0
        /// Those that somebody waits for.
        var waitedFor: Set<Int32> = []
        /// When to look again, where looking was in vain.
        var quietUntil = NIODeadline.uptimeNanoseconds(0)
    }

    /// Of the process, as its children are.
    static let shared = Orphans()

    /// After a dead child was seen that is somebody else's.
    private static let quietTime = TimeAmount.seconds(5)
    private let state = Mutex(State())
    /// Whether all children are ours to wait for.
    private let isFirst = getpid() == 1

    private init() {
        _ = parley_become_subreaper()
    }

    func beginLaunch() { self.state.withLock { $0.launching += 1 } }

    /// - Parameter pid: `nil`: nothing was started, or it was waited for already.
    func endLaunch(_ pid: Int32?) {
        self.state.withLock { state in
            state.launching -= 1
            if let pid { state.waitedFor.insert(pid) }
        }
    }

    /// Somebody has waited for it.
    func ended(_ pid: Int32) { self.state.withLock { _ = $0.waitedFor.remove(pid) } }

    /// Waits for those that have ended. Cheap while there are none; to be called several times a second.
    func reap(now: NIODeadline = .now()) {
        self.state.withLock { state in
            guard state.launching == 0, now >= state.quietUntil, parley_has_dead_child() != 0 else { return }
            let parent = getpid()
            var isVain = true
            for pid in ProcessTable.pids where !state.waitedFor.contains(pid) {
                guard let entry = ProcessTable.entry(pid), entry.isZombie, entry.parent == parent,
                    self.isFirst || ProcessTable.mark(of: pid) != nil
                else { continue }
                waitpid(pid, nil, WNOHANG)
                isVain = false
            }
            if isVain { state.quietUntil = now + Self.quietTime }
        }
    }
}

/// Lets one pass at a time.
final class Turnstile: Sendable {
    private struct State: Sendable {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = self.state.withLock { state in
                if state.isTaken {
                    state.waiting.append(continuation)
                    return false
                }
                state.isTaken = true
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
