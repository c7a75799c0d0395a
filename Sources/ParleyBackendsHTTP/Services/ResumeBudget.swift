internal import Synchronization

/// How many bytes all sockets together hold for backends that are away or do not read.
final class ResumeBudget: Sendable {
    static let maximumBytes = 256 << 20
    /// What is accounted for; less is as good as nothing.
    static let granule = 64 << 10

    private let bytes = Atomic<Int>(0)

    /// - Returns: Whether what is kept now may be.
    func add(_ change: Int) -> Bool {
        self.bytes.add(change, ordering: .relaxed).newValue <= Self.maximumBytes
    }
}
