internal import NIOCore
public import ParleyModel

/// What a hub is made of: its wire formats, the spaces of its dialects, and where time and chance come from.
public struct HubConfiguration: Sendable {
    /// A list of wire formats; each is known by its index, so that a connection carries one small number.
    public struct Formats: Sendable {
        private var formats: [any WireFormat] = []
        /// By the same index, those that tell snapshots.
        private var snapshots: [(any SnapshotFormat)?] = []

        public init() {}

        public mutating func register(_ format: any WireFormat) -> FormatID {
            self.formats.append(format)
            self.snapshots.append(format as? any SnapshotFormat)
            return FormatID(index: self.formats.count - 1)
        }

        subscript(id: FormatID) -> any WireFormat { self.formats[id.index] }

        func snapshots(of id: FormatID) -> (any SnapshotFormat)? { self.snapshots[id.index] }
    }

    /// Which process this is, among those that share topics.
    public var incarnation = NodeIncarnation.lone
    public var formats = Formats()
    /// The space of each dialect; a dialect without an entry has its own.
    public var spaces: [DialectName: SpaceID]
    public var policies: [SpaceID: SpacePolicy]
    /// How fan-out reaches transports that need no driver; `nil`: everything goes through the delegates.
    public var directWriter: (any DirectWriter)?
    /// Bytes that the histories of all topics may have together, about. Beyond it those go first that nobody has been in for longest.
    public var maximumHistoryBytes = 128 << 20
    /// Where histories of topics are kept, so that they outlive the process; `nil`: in memory alone.
    public var histories: StoredHistories?
    /// For so long what is said, and who comes, waits for a store that does not work.
    var maximumHold = TimeAmount.seconds(10)
    /// Where histories of topics that nobody is in are counted with everything else that waits; `nil`: nowhere.
    public var memory: MemoryLedger?
    /// Bytes of snapshots that a tick may bring to the members of one topic, all together; those of further events are merged
    /// into one. Source: session chat specification, *Server -> client*: one for each event in normal conditions.
    var maximumSnapshotBytes = 256 * 1024
    public var wallTime: @Sendable () -> WallTime
    public var makeRandom: @Sendable () -> any RandomNumberGenerator & Sendable
    /// One for each event loop; set by the hub.
    var shards = 1

    public init(
        wallTime: @escaping @Sendable () -> WallTime,
        makeRandom: @escaping @Sendable () -> any RandomNumberGenerator & Sendable = { SystemRandomNumberGenerator() }
    ) {
        self.spaces = Self.separateSpaces
        self.policies = [:]
        self.wallTime = wallTime
        self.makeRandom = makeRandom
    }

    /// Every dialect in a space of its own.
    public static var separateSpaces: [DialectName: SpaceID] {
        var spaces: [DialectName: SpaceID] = [:]
        for (index, dialect) in DialectName.allCases.enumerated() {
            spaces[dialect] = SpaceID(rawValue: UInt16(index))
        }
        return spaces
    }

    public func key(_ topic: TopicName, for dialect: DialectName) -> TopicKey {
        TopicKey(space: self.spaces[dialect] ?? SpaceID(rawValue: .max), name: topic)
    }

    func policy(of space: SpaceID) -> SpacePolicy {
        self.policies[space] ?? Self.plainPolicy
    }

    private static let plainPolicy = SpacePolicy()
}
