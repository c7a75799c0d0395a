import NIOCore
import ParleyBackends
import Testing

@Suite struct NodeTableTests {
    private static func table(_ names: String...) -> NodeTable {
        var table = NodeTable()
        for name in names { table.register(.init(name: name, cluster: "c", heardAt: .zero)) }
        return table
    }

    private static func placed(_ table: NodeTable, pool: String = "", at seconds: Int64 = 0) -> Set<String> {
        var random = SplitMix(state: 1)
        return Set(
            (0..<200).compactMap { _ in
                table.place(cluster: "c", pool: pool, now: .zero + .seconds(seconds), using: &random)?.name
            }
        )
    }

    @Test("Every able node gets work")
    func spread() {
        #expect(Self.placed(Self.table("a", "b", "c")) == ["a", "b", "c"])
    }

    @Test("Of two candidates the less busy one is taken")
    func load() {
        var table = Self.table("a", "b")
        table.add(3, backendsOn: "a")
        #expect(Self.placed(table) == ["b"])
        table.add(5, backendsOn: "b")
        table.add(-2, backendsOn: "a")
        #expect(Self.placed(table) == ["a"])
    }

    @Test("A node that drains gets no work, and drains once")
    func draining() {
        var table = Self.table("a", "b")
        #expect(table.drain("a") == true)
        #expect(table.drain("a") == false)
        #expect(table.drain("nobody") == nil)
        #expect(Self.placed(table) == ["b"])
        #expect(table.drain("a", false) == true)
        #expect(table.drain("a", false) == false)
        #expect(table.drain("nobody", false) == nil)
        #expect(table["a"]?.isDraining == false)
    }

    @Test("A node that is silent for 45 seconds gets no work until it is heard again")
    func silence() {
        var table = Self.table("a")
        #expect(Self.placed(table, at: 44) == ["a"])
        #expect(Self.placed(table, at: 45) == [])
        table.heartbeat(from: "a", at: .zero + .seconds(45))
        #expect(Self.placed(table, at: 89) == ["a"])
    }

    @Test("Work for another pool or cluster goes elsewhere")
    func pools() {
        var table = Self.table("a")
        table.register(.init(name: "b", cluster: "c", pool: "gpu", heardAt: .zero))
        table.register(.init(name: "d", cluster: "elsewhere", heardAt: .zero))
        table.register(.init(name: "e", cluster: "c", isReady: false, heardAt: .zero))
        #expect(Self.placed(table) == ["a"])
        #expect(Self.placed(table, pool: "gpu") == ["b"])
        #expect(Self.placed(table, pool: "none") == [])
    }
}
