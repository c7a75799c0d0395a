import NIOCore
import ParleyBackends
import Synchronization

/// A runtime that does what the test says, when the test says so.
final class ScriptedRuntime: BackendRuntime {
    struct Record: Sendable {
        var order: LaunchOrder
        var events: BackendRuntimeEvents?
        var signals: [TerminationKind] = []
    }

    private let records = Mutex<[BackendID: Record]>([:])
    /// Whether a soft stop ends a backend at once.
    private let obeys: Bool
    private let failure: LaunchFailure?
    private let onTerminate: @Sendable () -> Void

    init(obeys: Bool = true, failure: LaunchFailure? = nil, onTerminate: @escaping @Sendable () -> Void = {}) {
        self.obeys = obeys
        self.failure = failure
        self.onTerminate = onTerminate
    }

    subscript(id: BackendID) -> Record? { self.records.withLock { $0[id] } }

    func prepare(_ order: LaunchOrder) async throws(LaunchFailure) {
        self.records.withLock { $0[order.backend] = Record(order: order) }
        if let failure = self.failure { throw failure }
    }

    func launch(_ order: LaunchOrder, events: BackendRuntimeEvents) async throws(LaunchFailure) -> SocketAddress {
        self.records.withLock { $0[order.backend]?.events = events }
        do { return try SocketAddress(ipAddress: "127.0.0.1", port: 1) } catch { throw LaunchFailure("\(error)") }
    }

    func terminate(_ backend: BackendID, _ kind: TerminationKind) {
        self.onTerminate()
        let events = self.records.withLock { records in
            records[backend]?.signals.append(kind)
            return records[backend]?.events
        }
        // The process ends later, as a real one does.
        if kind == .hard || self.obeys { Task { events?.exited(kind == .hard ? 137 : 143) } }
    }

    func use(of backend: BackendID) async -> ResourceUse? { nil }
}
