public import ParleyModel
internal import Synchronization

/// Nodes of one process.
public final class MemoryNodeDirectory: NodeDirectory {
    private struct Entry: Sendable {
        let record: NodeRecord
        var expiresAt: WallTime
        var isClaimed = false

        func isOver(at now: WallTime) -> Bool { self.isClaimed || self.expiresAt <= now }
    }

    private let entries = Mutex<[NodeID: Entry]>([:])

    public init() {}

    public func register(_ node: NodeRecord, lease: Int64, now: WallTime) throws {
        let id = node.incarnation.node
        let entry = Entry(record: node, expiresAt: WallTime(milliseconds: now.milliseconds + lease))
        try self.entries.withLock { entries in
            guard entries[id] == nil else {
                throw StoreError(.exists, "The number \(id) is another node's: choose another")
            }
            entries[id] = entry
        }
    }

    public func renew(_ incarnation: NodeIncarnation, lease: Int64, now: WallTime) -> Bool {
        self.entries.withLock { entries in
            guard var entry = entries[incarnation.node], entry.record.incarnation == incarnation, !entry.isClaimed
            else { return false }
            entry.expiresAt = WallTime(milliseconds: now.milliseconds + lease)
            entries[incarnation.node] = entry
            return true
        }
    }

    public func nodes(now: WallTime) -> [NodeRecord] { self.records { !$0.isOver(at: now) } }

    public func expired(now: WallTime) -> [NodeRecord] { self.records { $0.isOver(at: now) } }

    private func records(where isMeant: (Entry) -> Bool) -> [NodeRecord] {
        self.entries.withLock { entries in
            entries.values.filter(isMeant).map(\.record).sorted {
                $0.incarnation.node.rawValue < $1.incarnation.node.rawValue
            }
        }
    }

    public func claim(_ incarnation: NodeIncarnation, now: WallTime) -> Bool {
        self.entries.withLock { entries in
            guard let entry = entries[incarnation.node], entry.record.incarnation == incarnation, entry.isOver(at: now)
            else { return false }
            entries[incarnation.node]?.isClaimed = true
            return true
        }
    }

    public func finish(_ incarnation: NodeIncarnation) {
        self.entries.withLock { entries in
            guard entries[incarnation.node]?.record.incarnation == incarnation else { return }
            entries[incarnation.node] = nil
        }
    }
}
