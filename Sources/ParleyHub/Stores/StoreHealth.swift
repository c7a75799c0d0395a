/// Whether a store works, as its users find out: turns any number of failures into one beginning and one end.
///
/// Reading and writing are told apart, as on a full disk the one works and the other does not.
public struct StoreHealth: Sendable {
    public enum Operation: String, Sendable, CaseIterable {
        case read, write
    }

    /// Something that operators want to know.
    public enum Change: Sendable, Equatable {
        /// It worked before.
        case began(Operation, StoreError)
        /// It works again, after as many failures.
        case ended(Operation, failures: Int)
    }

    private var failures: [Operation: Int] = [:]

    public init() {}

    public var works: Bool { self.failures.isEmpty }

    public mutating func succeeded(_ operation: Operation) -> Change? {
        self.failures.removeValue(forKey: operation).map { .ended(operation, failures: $0) }
    }

    /// - Parameter error: What the store threw. A token in use and a cancelled question say nothing of its health.
    public mutating func failed(_ operation: Operation, _ error: any Error) -> Change? {
        if error is CancellationError { return nil }
        let error = StoreError(of: error)
        guard error.code != .exists else { return nil }
        let before = self.failures[operation, default: 0]
        self.failures[operation] = before + 1
        return before == 0 ? .began(operation, error) : nil
    }
}
