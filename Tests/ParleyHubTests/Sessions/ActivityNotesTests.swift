import ParleyModel
import Testing

@testable import ParleyHub

/// Tests of `ActivityNotes.swift`.
@Suite struct ActivityNotesTests {
    private static func at(_ milliseconds: Int64) -> WallTime { WallTime(milliseconds: milliseconds) }

    @Test(
        "A use is worth a note when the stored one is a minute old",
        arguments: [(0, false), (59_999, false), (60_000, true), (600_000, true), (-1, false)] as [(Int64, Bool)]
    )
    func granularity(age: Int64, isNoted: Bool) {
        var notes = ActivityNotes()
        let writes = notes.note("a", now: Self.at(1_000_000 + age), stored: Self.at(1_000_000))
        let taken = notes.take()
        #expect(writes == isNoted)
        #expect(taken == (isNoted ? ["a": Self.at(1_000_000 + age)] : nil))
    }

    @Test("One writer at a time is asked for, and again when it has found nothing left")
    func writers() {
        var notes = ActivityNotes()
        func note(_ token: String) -> Bool { notes.note(token, now: Self.at(60_000), stored: Self.at(0)) }
        func take() -> Int? { notes.take()?.count }
        let found: [Bool] = [note("a"), note("b")]
        #expect(found == [true, false])
        let first = take()
        let isAsked = note("c")
        let (second, third) = (take(), take())
        #expect([first, second, third] == [2, 1, nil])
        #expect(!isAsked)
        let isAskedAgain = note("d")
        #expect(isAskedAgain)
    }

    @Test("What could not be written comes back, but for what is newer, and for deleted sessions")
    func puttingBack() {
        var notes = ActivityNotes()
        for token in ["a", "b", "c"] { _ = notes.note(token, now: Self.at(60_000), stored: Self.at(0)) }
        let taken = notes.take() ?? [:]
        _ = notes.note("a", now: Self.at(70_000), stored: Self.at(0))
        notes.putBack(taken)
        notes.forget("c")
        let again = notes.take()
        #expect(again == ["a": Self.at(70_000), "b": Self.at(60_000)])
    }

    @Test("There are so many notes at most, whatever happens")
    func bounded() {
        var notes = ActivityNotes()
        func fill(_ prefix: String) {
            for index in 0..<ActivityNotes.maximumNotes + 10 {
                _ = notes.note("\(prefix)\(index)", now: Self.at(60_000), stored: Self.at(0))
            }
        }
        fill("a")
        #expect(notes.count == ActivityNotes.maximumNotes)
        // One that is known may become newer all the same.
        _ = notes.note("a0", now: Self.at(90_000), stored: Self.at(0))
        let taken = notes.take() ?? [:]
        #expect(taken["a0"] == Self.at(90_000))
        fill("b")
        notes.putBack(taken)
        #expect(notes.count == ActivityNotes.maximumNotes)
    }
}
