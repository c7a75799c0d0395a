public import NIOCore
public import ParleyModel

/// The store's side of key leases: who holds which key, until when.
///
/// A lease ends by the store's uptime alone; the wall clock only makes fencing tokens, and may jump. Together with
/// ``LeaseHolder``, which gives up earlier by its own clock, no key ever has two holders.
public struct LeaseTable: Sendable {
    /// A key that was acquired, and the right to renew and release it.
    public struct Grant: Sendable, Hashable {
        public let key: BackendKey
        public let holder: String
        /// Grows with every acquisition of any key, and stays the same over renewals.
        public let fencingToken: Int64
    }

    public enum Acquisition: Sendable, Hashable {
        case acquired(Grant)
        /// By somebody else; see ``Grant/holder``.
        case held(Grant)
    }

    private struct Lease {
        let grant: Grant
        var expiry: NIODeadline
        var isRenewable = true
    }

    private let duration: TimeAmount
    private var leases: [BackendKey: Lease] = [:]
    private var fencing: FencingClock

    /// - Parameter duration: How long a key stays with a holder that is not heard of.
    public init(duration: TimeAmount = LeaseTimes().expiry, fencing: FencingClock = FencingClock()) {
        self.duration = duration
        self.fencing = fencing
    }

    public mutating func acquire(
        _ key: BackendKey,
        for holder: String,
        now: NIODeadline,
        wall: WallTime
    ) -> Acquisition {
        if let lease = self.leases[key], lease.expiry > now { return .held(lease.grant) }
        let grant = Grant(key: key, holder: holder, fencingToken: self.fencing.next(at: wall))
        self.leases[key] = Lease(grant: grant, expiry: now + self.duration)
        return .acquired(grant)
    }

    /// - Returns: Whether the grant still holds the key; it does not come back once it is lost.
    public mutating func renew(_ grant: Grant, now: NIODeadline) -> Bool {
        guard let lease = self.leases[grant.key], lease.grant == grant, lease.isRenewable, lease.expiry > now else {
            return false
        }
        self.leases[grant.key]?.expiry = now + self.duration
        return true
    }

    public mutating func release(_ grant: Grant) {
        if self.leases[grant.key]?.grant == grant { self.leases[grant.key] = nil }
    }

    /// An operator forces a holder that is out of reach to lose its key.
    public mutating func forbidRenewal(_ key: BackendKey) {
        self.leases[key]?.isRenewable = false
    }

    public func holder(of key: BackendKey, now: NIODeadline) -> Grant? {
        guard let lease = self.leases[key], lease.expiry > now else { return nil }
        return lease.grant
    }

    /// Fencing tokens are larger than that of an earlier life from here on.
    public mutating func advanceFencing(past token: Int64) { self.fencing.advance(past: token) }

    /// How many keys are in the table.
    public var count: Int { self.leases.count }

    /// Forgets what has expired.
    public mutating func purge(now: NIODeadline) {
        self.leases = self.leases.filter { $0.value.expiry > now }
    }
}
