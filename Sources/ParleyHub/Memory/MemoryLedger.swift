internal import Synchronization

/// What waits in memory for a peer or from it, of a whole process and whatever carries it: bounded together, and the largest
/// holding goes first when all are too much.
///
/// Asked only when something waits (a socket took less than it was given, a message is not complete), so that a lock does not
/// matter.
public final class MemoryLedger: Sendable {
    /// What is waited for. A label of metrics.
    public enum Kind: String, CaseIterable, Sendable {
        /// Frames for a peer that does not keep up.
        case output
        /// Messages and frames that are not complete, and input that nobody looks at yet.
        case input
        /// Bodies of requests and answers of plain HTTP.
        case http
        /// Packets for sessions that poll.
        case polling
        /// What goes through the proxy of session backends, and what resumed sockets keep.
        case proxy
        /// Histories of topics that nobody is in.
        case history
    }

    /// Bytes of one owner. What it holds is given back when it is let go of.
    public final class Holding: Sendable {
        fileprivate let entry: Entry
        private let ledger: MemoryLedger

        fileprivate init(_ entry: Entry, in ledger: MemoryLedger) {
            self.entry = entry
            self.ledger = ledger
        }

        deinit {
            self.ledger.set(self.entry, to: 0)
        }

        /// Takes note of how many bytes the owner has waiting now, in all.
        ///
        /// When all holdings exceed the limit, the largest is told to go, from within this call; it is no longer counted.
        public func update(bytes: Int) { self.ledger.set(self.entry, to: bytes) }
    }

    /// Unchecked: guarded by the lock of the ledger.
    fileprivate final class Entry: @unchecked Sendable {
        let kind: Kind
        let evict: @Sendable () -> Void
        var bytes = 0
        /// Where the list of its size class has it.
        var position = 0

        init(kind: Kind, evict: @escaping @Sendable () -> Void) {
            self.kind = kind
            self.evict = evict
        }
    }

    fileprivate struct State {
        var total = 0
        var totals: [Kind: Int] = [:]
        /// Entries by the number of binary digits of their size, so that the largest is found among few.
        var classes: [ContiguousArray<Entry>] = Array(repeating: [], count: Int.bitWidth)
    }

    /// Bytes that all holdings may have together.
    public let maximumBytes: Int
    private let state = Mutex(State())

    public init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    public var totalBytes: Int { self.state.withLock { $0.total } }

    public func bytes(of kind: Kind) -> Int { self.state.withLock { $0.totals[kind, default: 0] } }

    /// Opens an account; it costs nothing while it is empty.
    /// - Parameter evict: Called when this holding is the largest of too much, from any thread, without a lock. It must let go
    ///   of what is held, now or soon.
    public func open(_ kind: Kind, evict: @escaping @Sendable () -> Void) -> Holding {
        Holding(Entry(kind: kind, evict: evict), in: self)
    }

    private func set(_ entry: Entry, to bytes: Int) {
        let victims = self.state.withLock { state in
            state.set(entry, to: bytes)
            return state.takeVictims(limit: self.maximumBytes)
        }
        for victim in victims { victim.evict() }
    }
}

extension MemoryLedger.State {
    fileprivate mutating func set(_ entry: MemoryLedger.Entry, to bytes: Int) {
        guard entry.bytes != bytes else { return }
        self.total += bytes - entry.bytes
        self.totals[entry.kind, default: 0] += bytes - entry.bytes
        let (old, new) = (Self.sizeClass(entry.bytes), Self.sizeClass(bytes))
        entry.bytes = bytes
        guard old != new else { return }
        if old > 0, let last = self.classes[old].popLast(), last !== entry {
            last.position = entry.position
            self.classes[old][entry.position] = last
        }
        if new > 0 {
            entry.position = self.classes[new].count
            self.classes[new].append(entry)
        }
    }

    /// Entries to go until the rest is within the limit, the largest first.
    fileprivate mutating func takeVictims(limit: Int) -> [MemoryLedger.Entry] {
        var victims: [MemoryLedger.Entry] = []
        while self.total > limit, let largest = self.largest {
            self.set(largest, to: 0)
            victims.append(largest)
        }
        return victims
    }

    private var largest: MemoryLedger.Entry? {
        self.classes.last { !$0.isEmpty }?.max { $0.bytes < $1.bytes }
    }

    /// 0 for nothing.
    private static func sizeClass(_ bytes: Int) -> Int { Int.bitWidth - bytes.leadingZeroBitCount }
}
