internal import Synchronization

/// How many bytes all sockets together keep for backends that are away.
final class ResumeBudget: Sendable {
    static let maximumBytes = 256 << 20

    private let bytes = Atomic<Int>(0)

    /// - Returns: Whether what is kept now may be.
    func add(_ change: Int) -> Bool {
        self.bytes.add(change, ordering: .relaxed).newValue <= Self.maximumBytes
    }
}
