internal import NIOCore
internal import ParleyModel

/// What a topic retains of what was said in it.
public struct HistoryPolicy: Sendable, Equatable {
    /// What happens to a publication when the history is full.
    public enum WhenFull: String, Sendable {
        /// The oldest is discarded.
        case roll
        /// The new one is refused in silence, for as long as the topic lives.
        case refuse
    }

    /// Publications retained; 0: none.
    public var limit: Int
    /// Bytes of payload retained, at most; the oldest are discarded beyond it.
    public var maximumBytes: Int
    public var whenFull: WhenFull

    public init(limit: Int = 0, maximumBytes: Int = 4 << 20, whenFull: WhenFull = .roll) {
        self.limit = limit
        self.maximumBytes = maximumBytes
        self.whenFull = whenFull
    }
}

/// The newest publications of a topic, bounded in number and bytes.
struct History {
    private var publications: CircularBuffer<Publication> = []
    private var byteCount = 0

    var isEmpty: Bool { self.publications.isEmpty }

    func refuses(_ policy: HistoryPolicy) -> Bool {
        policy.whenFull == .refuse && policy.limit > 0 && self.publications.count >= policy.limit
    }

    /// - Parameter publication: Its payload must own its bytes (``Payload/detached()``), or it would pin a read buffer.
    mutating func append(_ publication: Publication, policy: HistoryPolicy) {
        self.publications.append(publication)
        self.byteCount += publication.payload.byteCount
        while self.publications.count > policy.limit
            || (self.byteCount > policy.maximumBytes && self.publications.count > 1)
        {
            self.byteCount -= self.publications.removeFirst().payload.byteCount
        }
    }

    func forEach(_ body: (Publication) -> Void) {
        for publication in self.publications { body(publication) }
    }
}
