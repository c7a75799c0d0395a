internal import Synchronization

/// Asks a store, and reports when it stops working and when it works again.
final class StoreWatch: Sendable {
    private let report: @Sendable (StoreHealth.Change) -> Void
    private let health = Mutex(StoreHealth())

    init(report: @escaping @Sendable (StoreHealth.Change) -> Void) {
        self.report = report
    }

    var works: Bool { self.health.withLock { $0.works } }

    /// - Throws: What `body` does.
    func watching<Value: Sendable>(
        _ operation: StoreHealth.Operation,
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await body()
            if let change = self.health.withLock({ $0.succeeded(operation) }) { self.report(change) }
            return value
        } catch {
            if let change = self.health.withLock({ $0.failed(operation, error) }) { self.report(change) }
            throw error
        }
    }
}
