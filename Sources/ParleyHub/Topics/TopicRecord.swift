public import ParleyModel

/// What one node wants to be written into the log of a topic: at once, or not at all.
///
/// A node has one batch of a topic under way at a time.
public struct TopicBatch: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
        case join(TopicJoin)
        case leave(ClientID)
        /// At most ``maximumPublications``.
        case publish([TopicPublish])
    }

    /// So that one word has a bit for each.
    public static let maximumPublications = 64
    /// Bytes of payload at which a batch ends, unless it is a single publication.
    public static let maximumBytes = 16 << 10

    public let proposer: NodeIncarnation
    /// Grows by one with each batch of this proposer and topic. The same number again is the same batch again.
    public let number: UInt64
    /// How far the proposer has applied the log.
    public let applied: StreamPosition
    public let time: WallTime
    public let content: Content

    public init(
        proposer: NodeIncarnation,
        number: UInt64,
        applied: StreamPosition,
        time: WallTime,
        content: Content
    ) {
        self.proposer = proposer
        self.number = number
        self.applied = applied
        self.time = time
        self.content = content
    }
}

/// What the log said to a batch.
public enum TopicAnswer: Sendable, Equatable {
    /// The log is at `position`. Bit *n* of `accepted` tells of publication *n*, bit 0 of a join or leave; none is set when nothing
    /// was written.
    case accepted(through: StreamPosition, accepted: UInt64)
    /// A join that the topic does not have.
    case refused(CloseReason)
    /// Others have removed a member of the proposer after what it has applied: first it must know that. The number was not used.
    case behind(StreamPosition)
    /// The log is another than the proposer knows. The number was not used.
    case otherEpoch
}

/// Somebody in a topic, with what its join has decided.
public struct PresentMember: Sendable, Equatable {
    public let member: Member
    /// Whether no other of its dialect may have its name.
    public let holdsName: Bool

    public init(member: Member, holdsName: Bool) {
        self.member = member
        self.holdsName = holdsName
    }
}

/// One entry of a topic's log: a decision, which every node applies as it stands.
public struct TopicRecord: Sendable, Equatable {
    public struct Said: Sendable, Equatable {
        public let publication: Publication
        public let excluding: ClientID?

        public init(publication: Publication, excluding: ClientID?) {
            self.publication = publication
            self.excluding = excluding
        }
    }

    public enum Change: Sendable, Equatable {
        case joined(PresentMember)
        case left(ClientID)
        case replaced(ClientID, by: PresentMember)
        /// Offsets follow each other, up to that of the record.
        case published([Said])
    }

    /// Which batch it comes from.
    public struct Origin: Sendable, Hashable {
        public let proposer: NodeIncarnation
        public let number: UInt64

        public init(proposer: NodeIncarnation, number: UInt64) {
            self.proposer = proposer
            self.number = number
        }
    }

    /// The place of the last thing in it.
    public let position: StreamPosition
    /// `nil`: nobody's; a node was given up.
    public let origin: Origin?
    /// As in ``TopicAnswer/accepted(through:accepted:)``.
    public let accepted: UInt64
    public let change: Change

    public init(position: StreamPosition, origin: Origin?, accepted: UInt64, change: Change) {
        self.position = position
        self.origin = origin
        self.accepted = accepted
        self.change = change
    }

    /// How many offsets it has.
    public var count: UInt64 {
        guard case .published(let said) = self.change else { return 1 }
        return UInt64(said.count)
    }
}

/// All there is to know of a topic at one place of its log.
public struct TopicState: Sendable, Equatable {
    public var position: StreamPosition
    /// In the order of joining.
    public var members: [PresentMember]
    /// Oldest first.
    public var publications: [Publication]
    /// The last number that the asking node has used; 0: none.
    public var lastNumber: UInt64

    public init(
        position: StreamPosition,
        members: [PresentMember] = [],
        publications: [Publication] = [],
        lastNumber: UInt64 = 0
    ) {
        self.position = position
        self.members = members
        self.publications = publications
        self.lastNumber = lastNumber
    }
}
