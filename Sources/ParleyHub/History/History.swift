public import NIOCore
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
    /// What was said longer ago is discarded; `nil`: age does not matter.
    public var maximumAge: TimeAmount?

    public init(
        limit: Int = 0,
        maximumBytes: Int = 4 << 20,
        whenFull: WhenFull = .roll,
        maximumAge: TimeAmount? = nil
    ) {
        self.limit = limit
        self.maximumBytes = maximumBytes
        self.whenFull = whenFull
        self.maximumAge = maximumAge
    }

    /// Whether one more than `count` publications would be refused.
    func refuses(_ count: Int) -> Bool { self.whenFull == .refuse && self.limit > 0 && count >= self.limit }
}

/// The newest publications of a topic, bounded in number and bytes.
struct History {
    private var publications: CircularBuffer<Publication> = []
    private var byteCount = 0
    /// In place of the above while nobody is there to look or to add.
    private var packed: PackedHistory?
    /// What was said up to here may be missing; behind it, nothing is.
    private(set) var discardedThrough: UInt64

    /// What a publication holds in memory beside its bytes, about.
    private static let overhead = MemoryLayout<Publication>.stride + 64

    init(discardedThrough: UInt64 = 0) {
        self.discardedThrough = discardedThrough
    }

    var isEmpty: Bool { self.publications.isEmpty && self.packed == nil }

    /// What it holds in memory, about.
    var memoryBytes: Int {
        self.packed?.memoryBytes ?? self.byteCount + self.publications.count * Self.overhead
    }

    var count: Int { self.packed?.count ?? self.publications.count }

    /// From the oldest to the newest; between them, offsets are missing of what is not kept: joins and leaves.
    var offsets: ClosedRange<UInt64>? {
        if let packed = self.packed { return packed.offsets }
        guard let first = self.publications.first, let last = self.publications.last else { return nil }
        return first.offset...last.offset
    }

    func refuses(_ policy: HistoryPolicy) -> Bool { policy.refuses(self.count) }

    /// - Parameter publication: Its payload must own its bytes (``Payload/detached()``), or it would pin a read buffer.
    mutating func append(_ publication: Publication, policy: HistoryPolicy) {
        self.unpack()
        self.publications.append(publication)
        self.byteCount += publication.payload.byteCount
        while self.publications.count > policy.limit
            || (self.byteCount > policy.maximumBytes && self.publications.count > 1)
        {
            self.removeOldest()
        }
    }

    /// The offset of the last of those that would be discarded if so many publications of so many bytes came; `nil`: none would.
    func lastDiscarded(byAppending added: Int = 1, bytes: Int, policy: HistoryPolicy) -> UInt64? {
        var count = self.publications.count + added
        var byteCount = self.byteCount + bytes
        var last: UInt64?
        for publication in self.publications {
            guard count > policy.limit || byteCount > policy.maximumBytes else { break }
            count -= 1
            byteCount -= publication.payload.byteCount
            last = publication.offset
        }
        return last
    }

    /// The newest stays in any case.
    mutating func discardOldest() {
        guard self.publications.count > 1 else { return }
        self.removeOldest()
    }

    private mutating func removeOldest() {
        let oldest = self.publications.removeFirst()
        self.byteCount -= oldest.payload.byteCount
        self.discardedThrough = oldest.offset
    }

    /// Discards what was said before `time`, the newest as well.
    mutating func discard(before time: WallTime) {
        self.unpack()
        while let oldest = self.publications.first, oldest.time < time { self.removeOldest() }
    }

    func forEach(_ body: (Publication) -> Void) {
        if let packed = self.packed { return packed.forEachPublication(body) }
        for publication in self.publications { body(publication) }
    }

    /// Calls `body` with the publications from `offset` on. Costs what there are of them.
    func forEach(from offset: UInt64, _ body: (Publication) -> Void) {
        if let packed = self.packed {
            return packed.forEachPublication { if $0.offset >= offset { body($0) } }
        }
        var index = self.publications.endIndex
        while index > self.publications.startIndex,
            self.publications[self.publications.index(before: index)].offset >= offset
        {
            index = self.publications.index(before: index)
        }
        for publication in self.publications[index...] { body(publication) }
    }

    /// Oldest first.
    var all: [Publication] {
        var all: [Publication] = []
        func add(_ publication: Publication) { all.append(publication) }
        self.forEach(add)
        return all
    }

    /// Makes it as small as it can be. Reading goes on, at a price.
    mutating func pack() {
        guard self.packed == nil, !self.publications.isEmpty else { return }
        self.packed = PackedHistory(self.publications)
        self.publications = []
        self.byteCount = 0
    }

    mutating func unpack() {
        guard let packed = self.packed else { return }
        self.packed = nil
        packed.forEachPublication { publication in
            self.publications.append(publication)
            self.byteCount += publication.payload.byteCount
        }
    }
}
