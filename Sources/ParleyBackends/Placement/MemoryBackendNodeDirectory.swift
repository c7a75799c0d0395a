public import NIOCore
internal import Synchronization

/// The nodes that one process knows of: itself. Answers at once, and always.
public final class MemoryBackendNodeDirectory: BackendNodeDirectory {
    private struct Entry: Sendable {
        var listed: ListedNode
        var expiry: NIODeadline
    }

    private let entries = Mutex<[String: Entry]>([:])
    private let uptime: @Sendable () -> NIODeadline

    public init(uptime: @escaping @Sendable () -> NIODeadline = { .now() }) {
        self.uptime = uptime
    }

    public func announce(_ node: BackendNode, lease: TimeAmount) async {
        let expiry = self.uptime() + lease
        self.entries.withLock { entries in
            let isDraining = entries[node.name]?.listed.isDraining ?? false
            entries[node.name] = Entry(listed: ListedNode(node, isDraining: isDraining), expiry: expiry)
        }
    }

    public func withdraw(_ name: String) async {
        self.entries.withLock { $0[name] = nil }
    }

    public func nodes() async -> [ListedNode] {
        let now = self.uptime()
        return self.entries.withLock { entries in
            entries.values.filter { now < $0.expiry }.map(\.listed).sorted { $0.node.name < $1.node.name }
        }
    }

    public func drain(_ name: String, _ isDraining: Bool) async -> Bool? {
        let now = self.uptime()
        return self.entries.withLock { entries in
            guard let entry = entries[name], now < entry.expiry else { return nil }
            entries[name]?.listed.isDraining = isDraining
            return entry.listed.isDraining != isDraining
        }
    }
}
