package import RESP

/// Which node of a cluster has which slots.
package struct RedisSlotMap: Sendable, Hashable {
    private static let nobody = UInt16.max
    private static let maximumNodes = 1000

    /// The primaries that have slots, in the order in which they were named.
    package private(set) var nodes: [RedisAddress] = []
    private var owners = [UInt16](repeating: Self.nobody, count: RedisSlot.count)

    package init() {}

    /// - Parameters:
    ///   - answer: To `CLUSTER SLOTS`: `[first, last, [host, port, id, …], replica…]` for each range.
    ///   - node: Who says so.
    /// - Returns: `nil` when it is no such answer, or names no range at all.
    package init?(answer: RESPValue, from node: RedisAddress) {
        guard let ranges = answer.elements, !ranges.isEmpty, ranges.count <= RedisSlot.count else { return nil }
        for range in ranges {
            guard let parts = range.elements, parts.count >= 3,
                let first = parts[0].integer, let last = parts[1].integer,
                0 <= first, first <= last, last < RedisSlot.count,
                let primary = parts[2].elements, primary.count >= 2,
                let port = primary[1].integer,
                let address = RedisAddress(host: primary[0].text ?? "", port: Int(clamping: port), from: node)
            else { return nil }
            guard let index = self.index(of: address) else { return nil }
            for slot in Int(first)...Int(last) { self.owners[slot] = index }
        }
    }

    /// Who has a slot; `nil` when nobody is known to.
    package subscript(slot: RedisSlot) -> RedisAddress? {
        let index = self.owners[Int(slot.number)]
        return index == Self.nobody ? nil : self.nodes[Int(index)]
    }

    /// What an answer has said of one slot.
    package mutating func assign(_ slot: RedisSlot, to address: RedisAddress) {
        guard let index = self.index(of: address) else { return }
        self.owners[Int(slot.number)] = index
    }

    private mutating func index(of address: RedisAddress) -> UInt16? {
        if let index = self.nodes.firstIndex(of: address) { return UInt16(index) }
        guard self.nodes.count < Self.maximumNodes else { return nil }
        self.nodes.append(address)
        return UInt16(self.nodes.count - 1)
    }
}
