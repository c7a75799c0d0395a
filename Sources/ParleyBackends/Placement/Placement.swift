public import NIOCore
internal import Synchronization

/// Decides which node runs a backend.
public protocol Placement: Sendable {
    /// - Returns: The name of a node; `nil` when none can take it.
    func place(cluster: String, pool: String) async throws -> String?
    /// A backend has come to a node, or ended there.
    func count(_ change: Int, on node: String)
    /// - Parameter isDraining: `false`: takes new backends again.
    /// - Returns: Whether that changed anything; `nil`: no such node.
    func drain(_ node: String, _ isDraining: Bool) async throws -> Bool?
    func nodes() async throws -> [NodeTable.Node]
}

/// One node, in this process: always heard of.
public final class LocalPlacement: Placement {
    private let table: Mutex<NodeTable>
    private let name: String
    private let uptime: @Sendable () -> NIODeadline

    public init(node name: String, cluster: String, uptime: @escaping @Sendable () -> NIODeadline = { .now() }) {
        var table = NodeTable()
        table.register(NodeTable.Node(name: name, cluster: cluster, heardAt: uptime()))
        self.table = Mutex(table)
        self.name = name
        self.uptime = uptime
    }

    public func place(cluster: String, pool: String) async -> String? {
        self.table.withLock { table in
            let now = self.uptime()
            table.heartbeat(from: self.name, at: now)
            var random = SystemRandomNumberGenerator()
            return table.place(cluster: cluster, pool: pool, now: now, using: &random)?.name
        }
    }

    public func count(_ change: Int, on node: String) {
        self.table.withLock { $0.add(change, backendsOn: node) }
    }

    public func drain(_ node: String, _ isDraining: Bool) async -> Bool? {
        self.table.withLock { $0.drain(node, isDraining) }
    }

    public func nodes() async -> [NodeTable.Node] {
        self.table.withLock { table in
            table.heartbeat(from: self.name, at: self.uptime())
            return table.all
        }
    }
}
