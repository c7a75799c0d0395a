internal import CMalloc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Gives memory back to the system when many connections have gone.
///
/// glibc keeps what was freed below the top of its heaps: after a crowd has left, tens of megabytes that nobody uses. Asked
/// to, it returns every free page; that takes milliseconds, so that it is done off the event loops and only after many closes.
package final class MemoryTrimmer: Sendable {
    /// Closes that are worth a trim.
    static let closesPerTrim = 1000

    private let closes = Atomic<Int>(0)
    private let isScheduled = Atomic<Bool>(false)

    package init() {}

    /// A connection was closed; `remaining` are open still.
    package func connectionClosed(remaining: Int) {
        let closes = self.closes.add(1, ordering: .relaxed).newValue
        guard closes >= Self.closesPerTrim, remaining == 0 || closes >= remaining,
            !self.isScheduled.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        self.closes.store(0, ordering: .relaxed)
        // Not at once: the last of them are still being torn down.
        MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .milliseconds(100)) {
            NIOThreadPool.singleton.submit { _ in
                parley_release_free_memory()
                self.isScheduled.store(false, ordering: .releasing)
            }
        }
    }
}
