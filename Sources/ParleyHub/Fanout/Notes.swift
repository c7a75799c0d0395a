/// What one connection has noted in the arena during this tick. Small: it is touched once per delivery.
struct Notes {
    static let none: Int32 = -1

    private(set) var first = ArenaRange(start: 0, end: 0)
    private var firstLink = Notes.none
    private var lastLink = Notes.none
    /// Messages noted; a merged range may hold many.
    private(set) var messages: Int32 = 0

    var isEmpty: Bool { self.messages == 0 }

    /// Whether everything noted lies in ``first``.
    var isOneRange: Bool { self.firstLink == Self.none }

    mutating func add(_ range: ArenaRange, messages: Int32 = 1, merging: Bool, in arena: inout Arena) {
        let isFirst = self.messages == 0
        self.messages += messages
        guard !isFirst else {
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

    /// Calls `body` with the noted ranges in order.
    func forEach(in links: ContiguousArray<Arena.Link>, _ body: (ArenaRange) -> Void) {
        body(self.first)
        var link = self.firstLink
        while link != Self.none {
            body(links[Int(link)].range)
            link = links[Int(link)].next
        }
    }

    mutating func clear() {
        self = Notes()
    }
}
