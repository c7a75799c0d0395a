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
        /// How many were ever started.
        var launches = 0
        /// Those that somebody waits for.
        var waitedFor: Set<Int32> = []
        /// When to look again, where looking was in vain.
        var quietUntil = NIODeadline.uptimeNanoseconds(0)
        /// Whether somebody looks at present.
        var isLooking = false
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

    func beginLaunch() {
        self.state.withLock { state in
            state.launching += 1
            state.launches += 1
        }
    }

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
        let before = self.state.withLock { state -> State? in
            guard state.launching == 0, now >= state.quietUntil, !state.isLooking else { return nil }
            state.isLooking = true
            return state
        }
        guard let before else { return }
        // Launches are not to wait while the process table is read.
        let dead = parley_has_dead_child() == 0 ? nil : self.dead(except: before.waitedFor)
        self.state.withLock { state in
            state.isLooking = false
            // One that was started meanwhile may be among them, under a number that nobody knows yet.
            guard let dead, state.launches == before.launches else { return }
            for pid in dead { waitpid(pid, nil, WNOHANG) }
            if dead.isEmpty { state.quietUntil = now + Self.quietTime }
        }
    }

    private func dead(except waitedFor: Set<Int32>) -> [Int32] {
        let parent = getpid()
        return ProcessTable.pids.filter { pid in
            guard !waitedFor.contains(pid), let entry = ProcessTable.entry(pid) else { return false }
            return entry.isZombie && entry.parent == parent && (self.isFirst || ProcessTable.mark(of: pid) != nil)
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
