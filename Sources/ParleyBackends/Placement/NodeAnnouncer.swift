internal import NIOCore
internal import ParleyHub

/// When a node announces itself: when its load has changed, and often enough for its lease to go on. One announcement at a time.
struct NodeAnnouncer: Sendable {
    private static let retryTime = TimeAmount.seconds(2)

    private let interval: TimeAmount
    private var announced: Int?
    private var next = NIODeadline.uptimeNanoseconds(0)
    private var isAsking = false
    /// Whether it was ever announced.
    private(set) var isListed = false
    private var health = StoreHealth()

    /// - Parameter lease: How long an announcement lasts.
    init(lease: TimeAmount) {
        // Two may be lost.
        self.interval = .nanoseconds(lease.nanoseconds / 3)
    }

    /// - Returns: Whether to announce the load now, and to tell what became of it with ``answered(_:at:)``.
    mutating func tick(load: Int, at now: NIODeadline) -> Bool {
        guard !self.isAsking, now >= self.next || self.announced.map({ $0 != load }) ?? false else { return false }
        self.isAsking = true
        self.announced = load
        self.next = now + self.interval
        return true
    }

    /// - Parameter trouble: Why it may not be announced; `nil`: it is.
    /// - Returns: What operators are told of it.
    mutating func answered(_ trouble: (any Error)?, at now: NIODeadline) -> StoreHealth.Change? {
        self.isAsking = false
        guard let trouble else {
            self.isListed = true
            return self.health.succeeded(.write)
        }
        self.announced = nil
        self.next = now + Self.retryTime
        return self.health.failed(.write, trouble)
    }
}
