import NIOCore
import Testing

@testable import ParleyBackends

@Suite struct LeastBusyPlacementTests {
    private static func node(_ name: String, _ load: Int = 0, pool: String = "", cluster: String = "c") -> ListedNode {
        ListedNode(BackendNode(name: name, cluster: cluster, pool: pool, liveBackends: load))
    }

    private static func draining(_ name: String) -> ListedNode {
        var node = Self.node(name)
        node.isDraining = true
        return node
    }

    @Test(
        "Backends go to the least busy of a few nodes that can take them",
        arguments: [
            ([node("a"), node("b"), node("c")], "", ["a", "b", "c"]), ([node("a", 3), node("b")], "", ["b"]),
            ([node("a", 1), node("b", 5)], "", ["a"]), ([node("a", 1), node("b", 2), node("d", 9)], "", ["a", "b"]),
            ([draining("a"), node("b")], "", ["b"]), ([draining("a")], "", []), ([], "", []),
            ([node("a"), node("b", pool: "gpu"), node("d", cluster: "elsewhere")], "", ["a"]),
            ([node("a"), node("b", pool: "gpu")], "gpu", ["b"]), ([node("a")], "none", []),
        ] as [([ListedNode], String, Set<String>)]
    )
    func picks(nodes: [ListedNode], pool: String, expected: Set<String>) {
        let placement = LeastBusyPlacement(MemoryBackendNodeDirectory())
        var random = SplitMix(state: 1)
        let picked = Set(
            (0..<200).compactMap { _ in placement.pick(from: nodes, cluster: "c", pool: pool, using: &random) }
        )
        #expect(picked == expected)
    }
}
