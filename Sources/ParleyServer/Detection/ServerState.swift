internal import Synchronization

/// Whether the server takes new work.
final class ServerState: Sendable {
    private let draining = Atomic<Bool>(false)
    private let listening = Atomic<Bool>(false)

    var isDraining: Bool { self.draining.load(ordering: .acquiring) }
    var isReady: Bool { self.listening.load(ordering: .acquiring) && !self.isDraining }

    func startListening() { self.listening.store(true, ordering: .releasing) }
    func startDraining() { self.draining.store(true, ordering: .releasing) }
}
