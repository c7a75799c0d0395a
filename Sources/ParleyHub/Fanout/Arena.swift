internal import NIOCore

/// A byte range of a shard's arena.
struct ArenaRange: Equatable {
    /// Marks offsets into the replies; publications lie below.
    static let replyBit: UInt32 = 1 << 31

    var start: UInt32
    var end: UInt32

    var isEmpty: Bool { self.start == self.end }
}

/// The bytes that a shard's connections are to receive at the end of the tick.
///
/// Each publication stands here once; connections note the ranges that concern them. Replies to single connections lie in a
/// buffer of their own: between two publications they would keep the ranges of everybody else from merging. Ranges beyond a
/// connection's first are links in a list shared by the shard, so that noting allocates nothing.
struct Arena {
    /// Beyond this, a tick is flushed before its end, so that a burst does not grow the arena without bound.
    static let flushThreshold = 256 * 1024
    /// Beyond this, the storage is given back after a flush: one huge message must not cost its size for ever.
    static let maximumRetainedCapacity = 1 << 20

    struct Link {
        var range: ArenaRange
        var next: Int32
    }

    private(set) var publications = Self.makeBuffer()
    private(set) var replies = Self.makeBuffer()
    var links: ContiguousArray<Link> = []

    var isFull: Bool {
        self.publications.writerIndex >= Self.flushThreshold || self.replies.writerIndex >= Self.flushThreshold
    }

    mutating func appendPublication(_ body: (inout ByteBuffer) -> Void) -> ArenaRange {
        let start = UInt32(truncatingIfNeeded: self.publications.writerIndex)
        body(&self.publications)
        return ArenaRange(start: start, end: UInt32(truncatingIfNeeded: self.publications.writerIndex))
    }

    mutating func appendReply(_ body: (inout ByteBuffer) -> Void) -> ArenaRange {
        let start = UInt32(truncatingIfNeeded: self.replies.writerIndex)
        body(&self.replies)
        let end = UInt32(truncatingIfNeeded: self.replies.writerIndex)
        return ArenaRange(start: start | ArenaRange.replyBit, end: end | ArenaRange.replyBit)
    }

    mutating func clear() {
        Self.clear(&self.publications)
        Self.clear(&self.replies)
        self.links.removeAll(keepingCapacity: true)
    }

    private static func clear(_ buffer: inout ByteBuffer) {
        if buffer.capacity > Self.maximumRetainedCapacity {
            buffer = Self.makeBuffer()
        } else {
            buffer.clear()
        }
    }

    private static func makeBuffer() -> ByteBuffer {
        ByteBufferAllocator().buffer(capacity: 32 * 1024)
    }
}

/// The arena's bytes during a flush.
struct ArenaBytes {
    let publications: UnsafeRawBufferPointer
    let replies: UnsafeRawBufferPointer

    subscript(range: ArenaRange) -> UnsafeRawBufferPointer {
        if range.start & ArenaRange.replyBit == 0 {
            return UnsafeRawBufferPointer(rebasing: self.publications[Int(range.start)..<Int(range.end)])
        }
        let mask = ~ArenaRange.replyBit
        return UnsafeRawBufferPointer(rebasing: self.replies[Int(range.start & mask)..<Int(range.end & mask)])
    }
}
