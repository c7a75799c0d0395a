internal import Synchronization

/// Whether the server takes new work.
package final class ServerState: Sendable {
    private let draining = Atomic<Bool>(false)
    private let listening = Atomic<Bool>(false)

    package init() {}

    package var isDraining: Bool { self.draining.load(ordering: .acquiring) }
    package var isReady: Bool { self.listening.load(ordering: .acquiring) && !self.isDraining }

    package func startListening() { self.listening.store(true, ordering: .releasing) }
    package func startDraining() { self.draining.store(true, ordering: .releasing) }
}
