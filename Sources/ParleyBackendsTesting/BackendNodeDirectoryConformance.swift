public import NIOCore
public import ParleyBackends
public import ParleyTesting

/// What every ``BackendNodeDirectory`` must do: run each scenario against an empty directory.
public enum BackendNodeDirectoryConformance {
    /// A directory, and the way in which its time passes.
    public struct Subject: Sendable {
        public let directory: any BackendNodeDirectory
        fileprivate let pass: @Sendable (TimeAmount) async throws -> Void

        /// - Parameter pass: Returns when so much time has passed by the directory's own clock; a few hundred milliseconds at a time.
        public init(
            _ directory: any BackendNodeDirectory,
            pass: @escaping @Sendable (TimeAmount) async throws -> Void
        ) {
            self.directory = directory
            self.pass = pass
        }
    }

    private static let long = TimeAmount.seconds(60)
    private static let short = TimeAmount.milliseconds(200)

    public static let scenarios: [ConformanceScenario<Subject>] = [
        .init("Nodes are listed as they have announced themselves, by their names") { subject in
            let nodes = subject.directory
            try expect(try await nodes.nodes(), [], "the nodes of an empty directory")
            let announced = [
                BackendNode(name: "dr-2", cluster: "c.example:443", pool: "gpu", liveBackends: 3),
                BackendNode(name: "dr-1", cluster: "", pool: ""), BackendNode(name: "dr-3", cluster: "caf\u{E9}"),
            ]
            for node in announced { try await nodes.announce(node, lease: Self.long) }
            let expected = [announced[1], announced[0], announced[2]].map { ListedNode($0) }
            try expect(try await nodes.nodes(), expected, "the nodes")
        },
        .init("An announcement replaces the one before") { subject in
            let nodes = subject.directory
            for load in [0, 7, 2] { try await nodes.announce(Self.node("dr-1", load: load), lease: Self.long) }
            try expect(try await nodes.nodes(), [ListedNode(Self.node("dr-1", load: 2))], "the nodes")
        },
        .init("A node that says nothing is listed no more, until it says something") { subject in
            let nodes = subject.directory
            try await nodes.announce(Self.node("dr-1"), lease: Self.short)
            try await nodes.announce(Self.node("dr-2"), lease: Self.short)
            try await nodes.announce(Self.node("dr-2"), lease: Self.long)
            try await subject.pass(Self.short + .milliseconds(50))
            try expect(try await nodes.nodes(), [ListedNode(Self.node("dr-2"))], "the nodes")
            try expect(try await nodes.drain("dr-1", true), nil, "draining one that is not listed")
            try await nodes.announce(Self.node("dr-1"), lease: Self.long)
            try expect(try await nodes.nodes().map(\.node.name), ["dr-1", "dr-2"], "the nodes in the end")
        },
        .init("Draining is said once, taken back once, and of that node alone") { subject in
            let nodes = subject.directory
            for name in ["dr-1", "dr-2"] { try await nodes.announce(Self.node(name), lease: Self.long) }
            for (isDraining, changes) in [(false, false), (true, true), (true, false)] {
                try expect(try await nodes.drain("dr-1", isDraining), changes, "whether draining changes anything")
            }
            try expect(try await nodes.nodes().map(\.isDraining), [true, false], "who drains")
            try expect(try await nodes.drain("dr-1", false), true, "whether taking it back changes anything")
            try expect(try await nodes.drain("dr-1", false), false, "whether it does again")
            try expect(try await nodes.drain("dr-3", true), nil, "draining one that there is not")
            try expect(try await nodes.nodes().map(\.isDraining), [false, false], "who drains in the end")
        },
        .init("A node that drains does so over its announcements and over a silence") { subject in
            let nodes = subject.directory
            try await nodes.announce(Self.node("dr-1"), lease: Self.short)
            _ = try await nodes.drain("dr-1", true)
            try await nodes.announce(Self.node("dr-1", load: 1), lease: Self.short)
            let listed = ListedNode(Self.node("dr-1", load: 1), isDraining: true)
            try expect(try await nodes.nodes(), [listed], "the nodes")
            try await subject.pass(Self.short + .milliseconds(50))
            try await nodes.announce(Self.node("dr-1", load: 1), lease: Self.long)
            try expect(try await nodes.nodes(), [listed], "the nodes after a silence")
        },
        .init("A node that is withdrawn is forgotten, with what was said of it") { subject in
            let nodes = subject.directory
            for name in ["dr-1", "dr-2"] { try await nodes.announce(Self.node(name), lease: Self.long) }
            _ = try await nodes.drain("dr-1", true)
            for _ in 0..<2 { try await nodes.withdraw("dr-1") }
            try expect(try await nodes.nodes().map(\.node.name), ["dr-2"], "the nodes")
            try await nodes.announce(Self.node("dr-1"), lease: Self.long)
            try expect(try await nodes.nodes().map(\.isDraining), [false, false], "who drains")
        },
        .init("Many announce themselves at once") { subject in
            let nodes = subject.directory
            try await withThrowingTaskGroup { group in
                for index in 0..<16 {
                    group.addTask {
                        for load in 0...20 {
                            try await nodes.announce(Self.node("dr-\(index + 10)", load: load), lease: Self.long)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let expected = (0..<16).map { ListedNode(Self.node("dr-\($0 + 10)", load: 20)) }
            try expect(try await nodes.nodes(), expected, "the nodes")
        },
    ]

    private static func node(_ name: String, load: Int = 0) -> BackendNode {
        BackendNode(name: name, cluster: "c", liveBackends: load)
    }
}
