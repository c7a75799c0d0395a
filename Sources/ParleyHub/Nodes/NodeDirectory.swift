public import ParleyModel

/// A node as the others know it.
public struct NodeRecord: Sendable, Equatable {
    public let incarnation: NodeIncarnation
    /// Where it can be reached by the others; for people, and for what has to be passed on.
    public let address: String

    public init(incarnation: NodeIncarnation, address: String) {
        self.incarnation = incarnation
        self.address = address
    }
}

/// Which nodes live, by leases. A node whose lease is over is given up by another, which first claims it: from then on it cannot be
/// renewed, and the node comes back as another incarnation.
///
/// The time comes in with each call, from whoever all nodes agree on. All methods throw ``StoreError``.
public protocol NodeDirectory: Sendable {
    /// Enters a node, for `lease` milliseconds.
    /// - Throws: ``StoreError`` with `exists` when the number of the node is in use.
    func register(_ node: NodeRecord, lease: Int64, now: WallTime) async throws

    /// - Returns: False when somebody has claimed it, or it is not there: its members may be gone. A lease that is over and was not
    ///   claimed is renewed all the same, as nobody has acted on it.
    func renew(_ incarnation: NodeIncarnation, lease: Int64, now: WallTime) async throws -> Bool

    /// Nodes that are neither over nor claimed, in the order of their numbers.
    func nodes(now: WallTime) async throws -> [NodeRecord]

    /// Nodes whose lease is over, and those that were claimed and never finished, as their reaper has failed.
    func expired(now: WallTime) async throws -> [NodeRecord]

    /// Takes the right to remove what a node had.
    /// - Returns: False when it lives, or is not there.
    func claim(_ incarnation: NodeIncarnation, now: WallTime) async throws -> Bool

    /// Everything that a node had is removed, by others or by itself.
    func finish(_ incarnation: NodeIncarnation) async throws
}
