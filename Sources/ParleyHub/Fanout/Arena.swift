internal import NIOCore

/// A byte range of a shard's arena.
public struct ArenaRange: Sendable, Equatable {
    public var start: Int
    public var end: Int

    public init(start: Int, end: Int) {
        self.start = start
        self.end = end
    }

    public var count: Int { self.end - self.start }
}

/// The bytes that a shard's connections are to receive at the end of the tick.
///
/// Each publication stands here once; connections note the ranges that concern them. Ranges beyond a connection's first
/// are links in a list shared by the shard, so that noting allocates nothing.
struct Arena {
    /// Beyond this, a tick is flushed before its end, so that a burst does not grow the arena without bound.
    static let flushThreshold = 256 * 1024
    /// Beyond this, the storage is given back after a flush: one huge message must not cost its size for ever.
    static let maximumRetainedCapacity = 1 << 20

    struct Link {
        var range: ArenaRange
        var next: Int32
    }

    var bytes: ByteBuffer
    var links: ContiguousArray<Link> = []

    init() {
        self.bytes = ByteBufferAllocator().buffer(capacity: 32 * 1024)
    }

    var isFull: Bool { self.bytes.writerIndex >= Self.flushThreshold }

    mutating func clear() {
        if self.bytes.capacity > Self.maximumRetainedCapacity {
            self.bytes = ByteBufferAllocator().buffer(capacity: 32 * 1024)
        } else {
            self.bytes.clear()
        }
        self.links.removeAll(keepingCapacity: true)
    }
}

/// What one connection has noted in the arena during this tick.
struct Notes {
    static let none: Int32 = -1

    private(set) var first = ArenaRange(start: 0, end: 0)
    private var firstLink = Notes.none
    private var lastLink = Notes.none
    /// Messages noted; a merged range may hold many.
    private(set) var messages: Int32 = 0

    var isEmpty: Bool { self.messages == 0 }

    mutating func add(_ range: ArenaRange, merging: Bool, in arena: inout Arena) {
        self.messages += 1
        guard self.messages > 1 else {
            self.first = range
            return
        }
        if self.lastLink == Self.none {
            if merging, self.first.end == range.start {
                self.first.end = range.end
                return
            }
        } else if merging, arena.links[Int(self.lastLink)].range.end == range.start {
            arena.links[Int(self.lastLink)].range.end = range.end
            return
        }
        let index = Int32(arena.links.count)
        arena.links.append(Arena.Link(range: range, next: Self.none))
        if self.lastLink == Self.none {
            self.firstLink = index
        } else {
            arena.links[Int(self.lastLink)].next = index
        }
        self.lastLink = index
    }

    /// Appends the noted ranges in order.
    func collect(from arena: Arena, into ranges: inout ContiguousArray<ArenaRange>) {
        ranges.append(self.first)
        var link = self.firstLink
        while link != Self.none {
            ranges.append(arena.links[Int(link)].range)
            link = arena.links[Int(link)].next
        }
    }

    mutating func clear() {
        self = Notes()
    }
}
