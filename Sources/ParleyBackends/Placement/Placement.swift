/// Decides which node runs a backend.
public protocol Placement: Sendable {
    /// Picks a node for one spawn, of those that are listed, do not drain, and have the cluster and the pool.
    ///
    /// Nothing is reserved: who asks at the same time may get the same node, and the node may refuse. The key lock alone decides
    /// whether there is a backend.
    /// - Returns: The name of a node; `nil` when none can take it.
    /// - Throws: ``StoreError`` when the nodes are not known at present; nothing has changed then.
    func place(cluster: String, pool: String) async throws -> String?
}

/// Draws a few nodes at random, and takes the least busy of them: so that those who ask at once do not all take the same, although
/// what they know of its load is a little old.
public struct LeastBusyPlacement: Placement {
    private let directory: any BackendNodeDirectory
    private let candidates: Int

    /// - Parameter candidates: How many are drawn.
    public init(_ directory: any BackendNodeDirectory, candidates: Int = 2) {
        self.directory = directory
        self.candidates = candidates
    }

    public func place(cluster: String, pool: String) async throws -> String? {
        var random = SystemRandomNumberGenerator()
        return self.pick(from: try await self.directory.nodes(), cluster: cluster, pool: pool, using: &random)
    }

    func pick(
        from nodes: [ListedNode],
        cluster: String,
        pool: String,
        using random: inout some RandomNumberGenerator
    ) -> String? {
        let able = nodes.filter { !$0.isDraining && $0.node.cluster == cluster && $0.node.pool == pool }
        return able.shuffled(using: &random).prefix(self.candidates).min {
            $0.node.liveBackends < $1.node.liveBackends
        }?
        .node.name
    }
}
