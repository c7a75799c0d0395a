internal import NIOCore

/// Pings that are out, and who waits for the answer.
///
/// A pong answers its ping and those before: a server that gets several may answer the last only (RFC 6455 §5.5.3).
struct PendingPings<Waiter> {
    /// A ping that was answered.
    struct Answer {
        var waiter: Waiter
        var roundTrip: Duration
    }

    private var pending: [(id: UInt64, sentAt: NIODeadline, waiter: Waiter)] = []
    private var lastID: UInt64 = 0

    /// - Returns: The number that the ping has to carry, as its eight bytes.
    mutating func sendPing(now: NIODeadline, _ waiter: Waiter) -> UInt64 {
        self.lastID += 1
        self.pending.append((self.lastID, now, waiter))
        return self.lastID
    }

    /// - Returns: What this pong answers, oldest first; nothing when it was not asked for.
    mutating func receivedPong(_ payload: ByteBuffer, now: NIODeadline) -> [Answer] {
        var payload = payload
        guard let id = payload.readInteger(as: UInt64.self), payload.readableBytes == 0,
            let index = self.pending.firstIndex(where: { $0.id == id })
        else { return [] }
        defer { self.pending.removeFirst(index + 1) }
        return self.pending[...index].map { Answer(waiter: $0.waiter, roundTrip: Duration(now - $0.sentAt)) }
    }

    /// - Returns: Who waited for the answer to this ping, unless it came.
    mutating func expire(_ id: UInt64) -> Waiter? {
        guard let index = self.pending.firstIndex(where: { $0.id == id }) else { return nil }
        return self.pending.remove(at: index).waiter
    }

    /// - Returns: All who wait.
    mutating func cancelAll() -> [Waiter] {
        defer { self.pending = [] }
        return self.pending.map(\.waiter)
    }
}
