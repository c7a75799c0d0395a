public import ParleyModel
internal import Synchronization

/// Presence that lives as long as the process.
public final class MemoryPresenceStore: PresenceStore {
    private let lists = Mutex<[TopicKey: MemberList]>([:])

    public init() {}

    public func add(_ member: Member, to topic: TopicKey) {
        self.lists.withLock { lists in
            var list = lists.removeValue(forKey: topic) ?? MemberList()
            if list[member.client] != nil {
                list.replace(member.client, with: member, format: nil)
            } else {
                list.append(member, format: nil, holdsName: false)
            }
            lists[topic] = list
        }
    }

    @discardableResult public func remove(_ client: ClientID, from topic: TopicKey) -> Bool {
        self.lists.withLock { lists in
            let isRemoved = lists[topic]?.remove(client) != nil
            if lists[topic]?.isEmpty == true { lists[topic] = nil }
            return isRemoved
        }
    }

    public func members(of topic: TopicKey) -> [Member] { self.lists.withLock { $0[topic]?.all ?? [] } }

    @discardableResult public func removeAll(of incarnation: NodeIncarnation) -> [TopicKey: [Member]] {
        self.lists.withLock { lists in
            var removed: [TopicKey: [Member]] = [:]
            for topic in Array(lists.keys) {
                let gone = lists[topic]?.all.filter { $0.client.incarnation == incarnation } ?? []
                for member in gone { lists[topic]?.remove(member.client) }
                if !gone.isEmpty { removed[topic] = gone }
                if lists[topic]?.isEmpty == true { lists[topic] = nil }
            }
            return removed
        }
    }
}
