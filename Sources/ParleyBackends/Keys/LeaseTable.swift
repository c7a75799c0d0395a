public import NIOCore
public import ParleyModel

/// The directory's side of key leases: who holds which key, until when.
///
/// A lease ends by the directory's uptime alone; the wall clock only makes fencing tokens, and may jump. Together with
/// ``LeaseHolder``, which gives up earlier by its own clock, no key ever has two holders.
public struct LeaseTable: Sendable {
    private struct Lease {
        let grant: KeyGrant
        var expiry: NIODeadline
    }

    private var leases: [BackendKey: Lease] = [:]
    private var fencing = FencingClock()

    public init() {}

    /// - Parameter lease: How long the key stays with a holder that is not heard of.
    public mutating func acquire(
        _ key: BackendKey,
        for holder: KeyHolder,
        lease: TimeAmount,
        now: NIODeadline,
        wall: WallTime
    ) -> KeyAcquisition {
        if let lease = self.leases[key], lease.expiry > now { return .held(lease.grant) }
        let grant = KeyGrant(key: key, holder: holder, fencingToken: self.fencing.next(at: wall))
        self.leases[key] = Lease(grant: grant, expiry: now + lease)
        return .acquired(grant)
    }

    /// - Returns: Whether the grant still holds the key; it does not come back once it is lost.
    public mutating func renew(_ grant: KeyGrant, lease: TimeAmount, now: NIODeadline) -> Bool {
        guard let current = self.leases[grant.key], current.grant == grant, current.expiry > now else { return false }
        self.leases[grant.key]?.expiry = max(current.expiry, now + lease)
        return true
    }

    public mutating func release(_ grant: KeyGrant) {
        if self.leases[grant.key]?.grant == grant { self.leases[grant.key] = nil }
    }

    public func holder(of key: BackendKey, now: NIODeadline) -> KeyGrant? {
        guard let lease = self.leases[key], lease.expiry > now else { return nil }
        return lease.grant
    }

    /// Fencing tokens are larger than that of an earlier life from here on.
    public mutating func advanceFencing(past token: Int64) { self.fencing.advance(past: token) }
}
