internal import NIOCore

/// A connection that may have more to say than its share of a loop turn.
public protocol TurnTaker: AnyObject {
    /// Goes on for one ``TurnShare``.
    /// - Returns: Whether there is more.
    func takeTurn() -> Bool
}

/// Connections that wait for a turn of their loop.
///
/// Who has not had one since it was last heard comes before those that used up a share: a client that says little does not
/// wait for those that never stop.
struct TurnQueue {
    private var fresh: CircularBuffer<any TurnTaker> = []
    private var greedy: CircularBuffer<any TurnTaker> = []

    var isEmpty: Bool { self.fresh.isEmpty && self.greedy.isEmpty }

    mutating func append(_ taker: any TurnTaker, isGreedy: Bool) {
        if isGreedy { self.greedy.append(taker) } else { self.fresh.append(taker) }
    }

    mutating func next() -> (any TurnTaker)? {
        self.fresh.popFirst() ?? self.greedy.popFirst()
    }
}
