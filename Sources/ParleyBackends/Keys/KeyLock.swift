public import NIOCore
public import ParleyModel
internal import Synchronization

/// Where nodes agree on who holds a key. Every answer may be late; ``LeaseHolder`` copes with none at all.
public protocol KeyLock: Sendable {
    func holder(of key: BackendKey) async throws -> LeaseTable.Grant?
    func acquire(_ key: BackendKey, for holder: String) async throws -> LeaseTable.Acquisition
    /// - Returns: `false` when the grant does not hold the key any more.
    func renew(_ grant: LeaseTable.Grant) async throws -> Bool
    func release(_ grant: LeaseTable.Grant) async throws
}

/// The keys of one process.
public final class MemoryKeyLock: KeyLock {
    private let table: Mutex<LeaseTable>
    private let uptime: @Sendable () -> NIODeadline
    private let wallTime: @Sendable () -> WallTime

    public init(
        _ table: LeaseTable = LeaseTable(),
        uptime: @escaping @Sendable () -> NIODeadline = { .now() },
        wallTime: @escaping @Sendable () -> WallTime
    ) {
        self.table = Mutex(table)
        self.uptime = uptime
        self.wallTime = wallTime
    }

    /// See ``LeaseTable/advanceFencing(past:)``.
    public func advanceFencing(past token: Int64) { self.table.withLock { $0.advanceFencing(past: token) } }

    public func holder(of key: BackendKey) async -> LeaseTable.Grant? {
        self.table.withLock { $0.holder(of: key, now: self.uptime()) }
    }

    public func acquire(_ key: BackendKey, for holder: String) async -> LeaseTable.Acquisition {
        self.table.withLock { $0.acquire(key, for: holder, now: self.uptime(), wall: self.wallTime()) }
    }

    public func renew(_ grant: LeaseTable.Grant) async -> Bool {
        self.table.withLock { $0.renew(grant, now: self.uptime()) }
    }

    public func release(_ grant: LeaseTable.Grant) async {
        self.table.withLock { $0.release(grant) }
    }
}
