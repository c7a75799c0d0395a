public import NIOCore
public import ParleyModel
internal import Synchronization

/// The keys of one process. Answers at once, and always.
public final class MemoryKeyDirectory: KeyDirectory {
    private let table = Mutex(LeaseTable())
    private let uptime: @Sendable () -> NIODeadline
    private let wallTime: @Sendable () -> WallTime

    public init(
        uptime: @escaping @Sendable () -> NIODeadline = { .now() },
        wallTime: @escaping @Sendable () -> WallTime
    ) {
        self.uptime = uptime
        self.wallTime = wallTime
    }

    public func acquire(_ key: BackendKey, for holder: KeyHolder, lease: TimeAmount) async -> KeyAcquisition {
        let (now, wall) = (self.uptime(), self.wallTime())
        return self.table.withLock { $0.acquire(key, for: holder, lease: lease, now: now, wall: wall) }
    }

    public func renew(_ grant: KeyGrant, lease: TimeAmount) async -> Bool {
        let now = self.uptime()
        return self.table.withLock { $0.renew(grant, lease: lease, now: now) }
    }

    public func release(_ grant: KeyGrant) async {
        self.table.withLock { $0.release(grant) }
    }

    public func holder(of key: BackendKey) async -> KeyGrant? {
        let now = self.uptime()
        return self.table.withLock { $0.holder(of: key, now: now) }
    }

    public func advanceFencing(past token: Int64) async {
        self.table.withLock { $0.advanceFencing(past: token) }
    }
}
