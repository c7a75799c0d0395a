/// One server process among those that share topics. Chosen at random, and refused where another has it.
public struct NodeID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public var description: String { String(self.rawValue, radix: 16) }
}

/// A node from one moment at which the others believed it to be alive to the next at which they gave it up. It comes back as another.
public struct NodeIncarnation: Hashable, Sendable, CustomStringConvertible {
    public let node: NodeID
    /// Counted from 0.
    public let number: UInt32

    public init(node: NodeID, number: UInt32 = 0) {
        self.node = node
        self.number = number
    }

    /// The process that knows no other.
    public static let lone = NodeIncarnation(node: NodeID(rawValue: 0))

    public var description: String { "\(self.node).\(self.number)" }
}

/// One connection of whichever process: what a ``ConnectionID`` is within its own.
///
/// Never reused: a node that was given up comes back as another incarnation, whose connections are others too.
public struct ClientID: Hashable, Sendable, CustomStringConvertible {
    public let incarnation: NodeIncarnation
    public let connection: ConnectionID

    public init(incarnation: NodeIncarnation, connection: ConnectionID) {
        self.incarnation = incarnation
        self.connection = connection
    }

    /// Looked up for each publication: the nodes of a cluster are few, so that three numbers tell all from each other.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.incarnation.node.rawValue)
        hasher.combine(UInt64(self.connection.slot) << 32 | UInt64(self.connection.generation))
        hasher.combine(self.connection.shard)
    }

    public var description: String { "\(self.incarnation)/\(self.connection)" }
}
