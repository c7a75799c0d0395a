public import ParleyModel
internal import Synchronization

/// The backlogs of a whole process: bounded together, and the largest goes first when they are too much.
///
/// Asked only when a socket took less than it was given, so that a lock does not matter.
public final class BacklogLedger: Sendable {
    private struct State {
        var total = 0
        var sizes: [ConnectionID: Int] = [:]
    }

    /// Bytes that all backlogs may hold together.
    public let maximumBytes: Int
    private let state = Mutex(State())

    public init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    public var totalBytes: Int { self.state.withLock { $0.total } }

    /// Takes note that `connection` has `bytes` waiting now.
    /// - Returns: The connection with the largest backlog if all of them exceed the limit; it is to be closed, and is no longer counted.
    public func update(_ connection: ConnectionID, bytes: Int) -> ConnectionID? {
        self.state.withLock { state in
            state.total += bytes - (state.sizes[connection] ?? 0)
            state.sizes[connection] = bytes == 0 ? nil : bytes
            guard state.total > self.maximumBytes, let largest = state.sizes.max(by: { $0.value < $1.value }) else {
                return nil
            }
            state.total -= largest.value
            state.sizes[largest.key] = nil
            return largest.key
        }
    }
}
