public import NIOCore

/// The nodes that run backends, as a scheduler sees them.
///
/// Source: docs/session-backends.md, "Placement".
public struct NodeTable: Sendable {
    public struct Node: Sendable, Hashable {
        public let name: String
        public var cluster: String
        /// A name that requests may ask for; "" is the usual one.
        public var pool: String
        public var isReady: Bool
        /// Keeps its backends and takes no new ones.
        public var isDraining = false
        public var liveBackends = 0
        public var heardAt: NIODeadline

        public init(name: String, cluster: String, pool: String = "", isReady: Bool = true, heardAt: NIODeadline) {
            self.name = name
            self.cluster = cluster
            self.pool = pool
            self.isReady = isReady
            self.heardAt = heardAt
        }
    }

    private let silence: TimeAmount
    private let candidates: Int
    private var nodes: [String: Node] = [:]

    /// - Parameters:
    ///   - silence: After how long without a heartbeat a node gets no new work.
    ///   - candidates: How many are drawn at random, of which the least busy is taken.
    public init(silence: TimeAmount = .seconds(45), candidates: Int = 2) {
        self.silence = silence
        self.candidates = candidates
    }

    public var all: [Node] { self.nodes.values.sorted { $0.name < $1.name } }
    public subscript(name: String) -> Node? { self.nodes[name] }

    public mutating func register(_ node: Node) {
        self.nodes[node.name] = node
    }

    public mutating func heartbeat(from name: String, at now: NIODeadline) {
        self.nodes[name]?.heardAt = now
    }

    /// - Parameter isDraining: `false`: takes new backends again.
    /// - Returns: Whether that changed anything; `nil`: no such node.
    public mutating func drain(_ name: String, _ isDraining: Bool = true) -> Bool? {
        guard let node = self.nodes[name] else { return nil }
        self.nodes[name]?.isDraining = isDraining
        return node.isDraining != isDraining
    }

    public mutating func add(_ count: Int, backendsOn name: String) {
        self.nodes[name]?.liveBackends += count
    }

    /// Who is to run the next backend; `nil` when nobody can.
    public func place(
        cluster: String,
        pool: String,
        now: NIODeadline,
        using random: inout some RandomNumberGenerator
    ) -> Node? {
        let able = self.nodes.values.filter {
            $0.cluster == cluster && $0.pool == pool && $0.isReady && !$0.isDraining && now < $0.heardAt + self.silence
        }
        return able.shuffled(using: &random).prefix(self.candidates).min { $0.liveBackends < $1.liveBackends }
    }
}
