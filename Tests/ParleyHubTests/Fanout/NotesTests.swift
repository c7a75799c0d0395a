import Testing

@testable import ParleyHub

@Suite struct NotesTests {
    static let merges: [(noted: [Range<Int>], merged: [Range<Int>])] = [
        ([0..<5], [0..<5]),
        ([0..<5, 5..<9], [0..<9]),
        ([0..<5, 6..<9], [0..<5, 6..<9]),
        ([0..<5, 6..<9, 9..<12], [0..<5, 6..<12]),
        ([0..<5, 5..<9, 10..<12, 12..<13, 20..<21], [0..<9, 10..<13, 20..<21]),
        // A later range that fits the first one, but not the last one, is behind the last one.
        ([5..<10, 20..<30, 10..<12], [5..<10, 20..<30, 10..<12]),
    ]

    @Test("Adjacent ranges become one, others keep their order", arguments: merges)
    func merging(noted: [Range<Int>], merged: [Range<Int>]) {
        var arena = Arena()
        var notes = Notes()
        for range in noted { notes.add(ArenaRange(range), merging: true, in: &arena) }
        #expect(Self.ranges(notes, arena) == merged)
        #expect(notes.messages == noted.count)
        #expect(notes.isOneRange == (merged.count == 1))
    }

    @Test("Without merging every message keeps its own range", arguments: merges)
    func separate(noted: [Range<Int>], merged: [Range<Int>]) {
        var arena = Arena()
        var notes = Notes()
        for range in noted { notes.add(ArenaRange(range), merging: false, in: &arena) }
        #expect(Self.ranges(notes, arena) == noted)
        #expect(notes.messages == noted.count)
    }

    @Test("Many connections share the links of one arena without mixing them up", arguments: 0..<10 as Range<UInt64>)
    func shared(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var arena = Arena()
        var notes = [Notes](repeating: Notes(), count: 8)
        var model = [[Int]](repeating: [], count: 8)
        for start in 0..<200 {
            for index in notes.indices where Bool.random(using: &random) {
                notes[index].add(ArenaRange(start..<start + 1), merging: index.isMultiple(of: 2), in: &arena)
                model[index].append(start)
            }
        }
        for index in notes.indices {
            #expect(Self.ranges(notes[index], arena).flatMap(Array.init) == model[index])
            #expect(Int(notes[index].messages) == model[index].count)
        }
    }

    @Test("Cleared notes are empty and may be used again")
    func clearing() {
        var arena = Arena()
        var notes = Notes()
        #expect(notes.isEmpty)
        notes.add(ArenaRange(start: 0, end: 1), merging: true, in: &arena)
        notes.add(ArenaRange(start: 5, end: 6), merging: true, in: &arena)
        #expect(!notes.isEmpty)
        notes.clear()
        arena.clear()
        #expect(notes.isEmpty)
        #expect(arena.links.isEmpty)
        notes.add(ArenaRange(start: 2, end: 3), merging: true, in: &arena)
        #expect(Self.ranges(notes, arena) == [2..<3])
    }

    private static func ranges(_ notes: Notes, _ arena: Arena) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        notes.forEach(in: arena.links) { ranges.append(Int($0.start)..<Int($0.end)) }
        return ranges
    }
}

extension ArenaRange {
    fileprivate init(_ range: Range<Int>) {
        self.init(start: UInt32(range.lowerBound), end: UInt32(range.upperBound))
    }
}
