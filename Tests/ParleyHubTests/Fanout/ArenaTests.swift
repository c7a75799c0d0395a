import NIOCore
import Testing

@testable import ParleyHub

@Suite struct ArenaTests {
    @Test("Publications and replies lie apart, and each range finds its own bytes")
    func ranges() {
        var arena = Arena()
        let ranges = [
            arena.appendPublication { $0.writeString("first") }, arena.appendReply { $0.writeString("reply") },
            arena.appendPublication { $0.writeString("second") }, arena.appendReply { $0.writeString("another") },
        ]
        #expect(Self.texts(of: ranges, in: arena) == ["first", "reply", "second", "another"])
        #expect(ranges[0].end == ranges[2].start)
        #expect(ranges[1].end == ranges[3].start)
        #expect(ranges[0].end != ranges[1].end)
    }

    @Test("Ranges of both kinds that are adjacent merge, and only those")
    func merging() {
        var arena = Arena()
        var notes = Notes()
        let texts = [("p", "1"), ("p", "2"), ("r", "3"), ("r", "4"), ("p", "5"), ("p", "6")]
        for (kind, text) in texts {
            let range =
                kind == "p"
                ? arena.appendPublication { $0.writeString(text) } : arena.appendReply { $0.writeString(text) }
            notes.add(range, merging: true, in: &arena)
        }
        var merged: [ArenaRange] = []
        notes.forEach(in: arena.links) { merged.append($0) }
        #expect(Self.texts(of: merged, in: arena) == ["12", "34", "56"])
    }

    @Test("What is written as nothing is an empty range")
    func empty() {
        var arena = Arena()
        #expect(arena.appendPublication { _ in }.isEmpty)
        #expect(arena.appendReply { _ in }.isEmpty)
        #expect(!arena.appendReply { $0.writeString("x") }.isEmpty)
    }

    @Test("An arena is full when either half holds 256 KiB", arguments: [true, false])
    func threshold(replies: Bool) {
        var arena = Arena()
        func append(_ count: Int) {
            if replies {
                _ = arena.appendReply { $0.writeRepeatingByte(0, count: count) }
            } else {
                _ = arena.appendPublication { $0.writeRepeatingByte(0, count: count) }
            }
        }
        append(256 * 1024 - 1)
        #expect(!arena.isFull)
        append(1)
        #expect(arena.isFull)
        arena.clear()
        #expect(!arena.isFull)
    }

    @Test("Storage is kept from tick to tick, but not that of one huge message")
    func storage() {
        var arena = Arena()
        _ = arena.appendPublication { $0.writeRepeatingByte(0, count: 300 * 1024) }
        let capacity = arena.publications.capacity
        arena.clear()
        #expect(arena.publications.capacity == capacity)
        _ = arena.appendPublication { $0.writeRepeatingByte(0, count: 4 << 20) }
        arena.clear()
        #expect(arena.publications.capacity <= Arena.maximumRetainedCapacity)
    }

    private static func texts(of ranges: [ArenaRange], in arena: Arena) -> [String] {
        arena.publications.withUnsafeReadableBytes { publications in
            arena.replies.withUnsafeReadableBytes { replies in
                let bytes = ArenaBytes(publications: publications, replies: replies)
                return ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
            }
        }
    }
}
