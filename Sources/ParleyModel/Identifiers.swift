/// A namespace of topics. Dialects in one space share rooms; by default each dialect has a space of its own.
public struct SpaceID: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }
}

/// What a topic is found by: its space and its name.
public struct TopicKey: Hashable, Sendable, CustomStringConvertible {
    public let space: SpaceID
    public let name: TopicName

    public init(space: SpaceID, name: TopicName) {
        self.space = space
        self.name = name
    }

    public var description: String { "\(self.space.rawValue)/\(self.name)" }

    /// FNV-1a over the name's UTF-8: the same in every process, unlike `Hasher`, so that it may place topics.
    public var stableHash: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(self.space.rawValue)
        for byte in self.name.value.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        return hash
    }
}

/// One connection of this process: the shard that owns it, its slot there, and the life of that slot.
///
/// Never reused: a slot's next tenant has another generation, so an identifier that outlived its connection finds nothing.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    public let shard: UInt16
    public let slot: UInt32
    public let generation: UInt32

    public init(shard: UInt16, slot: UInt32, generation: UInt32) {
        self.shard = shard
        self.slot = slot
        self.generation = generation
    }

    public var description: String { "\(self.shard)-\(self.slot)-\(self.generation)" }
}

/// A wire protocol for applications.
public enum DialectName: String, CaseIterable, Sendable, Hashable {
    case sessionChat = "session-chat"
    case disposableChat = "disposable-chat"
    case channelServer = "channel-server"
    case relay
    case eventGateway = "event-gateway"
    case socketIO = "socket-io"

    /// Whether its rooms may be shared with other dialects. Clients of the gateway are in no rooms that others know.
    public var sharesRooms: Bool { self != .eventGateway && self != .socketIO }
}
