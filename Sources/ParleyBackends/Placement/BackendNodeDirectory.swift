public import NIOCore

/// Which nodes run backends, and which of them are to get no new ones.
///
/// All methods throw ``StoreError``. An answer that does not come in time is thrown as `unavailable`: the directory may have done
/// what it was asked for, or may do it yet. Everything here can be done again, and then does no more than once.
public protocol BackendNodeDirectory: Sendable {
    /// Says that a node lives, and how busy it is: it is listed for `lease` from the moment at which the directory hears it, by the
    /// directory's own clock.
    ///
    /// Whoever lists nodes sees an announcement wholly or not at all. It replaces the one before, however long ago that was. What an
    /// operator has said of the node stays: one that drains goes on to drain.
    ///
    /// A node calls this again when the one before was answered, so that none overtakes another. After an error it is listed with
    /// this or the one before, as long as the lease of that says.
    func announce(_ node: BackendNode, lease: TimeAmount) async throws

    /// A node goes for good: it is listed no more, and nothing that was said of it is kept.
    ///
    /// After an error it goes when its lease is over.
    func withdraw(_ name: String) async throws

    /// Nodes whose leases run, by their names. What is said of their load may be as old as their leases.
    func nodes() async throws -> [ListedNode]

    /// Has a node keep its backends and take no new ones, or take new ones again. It stays so over its announcements, and over a
    /// silence of any length.
    ///
    /// Whoever places a backend after the answer sees it; one that is being placed at the time may come to the node yet.
    /// - Returns: Whether that changed anything; `nil`: no such node is listed.
    func drain(_ name: String, _ isDraining: Bool) async throws -> Bool?
}

/// A node as it announces itself.
public struct BackendNode: Sendable, Hashable {
    public let name: String
    /// What it is part of; requests may ask for one.
    public var cluster: String
    /// A name that requests may ask for; "" is the usual one.
    public var pool: String
    public var liveBackends: Int

    public init(name: String, cluster: String, pool: String = "", liveBackends: Int = 0) {
        self.name = name
        self.cluster = cluster
        self.pool = pool
        self.liveBackends = liveBackends
    }
}

/// A node as others find it.
public struct ListedNode: Sendable, Hashable {
    public var node: BackendNode
    /// Keeps its backends and takes no new ones.
    public var isDraining: Bool

    public init(_ node: BackendNode, isDraining: Bool = false) {
        self.node = node
        self.isDraining = isDraining
    }
}
