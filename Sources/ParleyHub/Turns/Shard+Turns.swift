public import NIOCore
internal import ParleyModel

/// Fairness: nobody gets more than a share of a loop turn, and nobody gets further ahead of the other shards than those can
/// follow.
extension Shard {
    /// How long those that wait are served before the loop looks at its sockets again.
    static let turnTime = TimeAmount.milliseconds(2)
    /// The pause between turns; in it the loop runs dry of tasks, and so comes to look at its sockets.
    static let turnPause = TimeAmount.microseconds(100)
    /// Message bytes that a shard takes in before it hands on what came of them.
    static let maximumTurnBytes = 1 << 20
    /// What may lie in the mailbox of another shard before nobody here says more.
    static let maximumCrossingMessages = 1024
    static let maximumCrossingBytes = 4 << 20

    /// A client has sent `bytes`. What other shards have said is heard first (``receiveMail()``).
    /// - Returns: What time it is.
    public func beginReading(_ bytes: Int) -> NIODeadline {
        self.receiveMail()
        let now = self.eventLoop.now
        self.context.now = now
        self.metrics.receivedBytes += bytes
        return now
    }

    /// Whether so much was taken in since the last flush that whoever comes now has to wait for a turn.
    public var isTurnFull: Bool { self.turnBytes >= Self.maximumTurnBytes }

    /// A share of the present turn.
    public func beginShare(now: NIODeadline) -> TurnShare {
        TurnShare(now: now, deliveries: self.metrics.deliveries)
    }

    /// Takes note of a message that was dealt with.
    /// - Returns: Whether the share is used up, or the turn.
    public func spend(_ bytes: Int, of share: inout TurnShare) -> Bool {
        self.turnBytes += bytes
        return share.spend(bytes: bytes, deliveries: self.metrics.deliveries, now: self.eventLoop.now)
            || self.isTurnFull
    }

    /// Lets `taker` go on in one of the next turns.
    /// - Parameter isGreedy: Whether it has used up a share.
    public func waitForTurn(_ taker: any TurnTaker, isGreedy: Bool) {
        self.turnQueue.append(taker, isGreedy: isGreedy)
        self.startTurn()
    }

    private func startTurn() {
        guard self.turnTimer == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.turnTimer = self.eventLoop.scheduleTask(in: Self.turnPause) { bound.value.turn() }
    }

    private func turn() {
        self.turnTimer = nil
        let end = self.eventLoop.now + Self.turnTime
        while !self.areOthersBehind, let taker = self.turnQueue.next() {
            if taker.takeTurn() { self.turnQueue.append(taker, isGreedy: true) }
            if self.isTurnFull { self.flush() }
            if self.eventLoop.now >= end { break }
        }
        // Now, so that the next turn is not put off into the present round of tasks.
        self.flush()
        if !self.turnQueue.isEmpty { self.startTurn() }
    }

    private var areOthersBehind: Bool {
        self.peers.contains {
            let load = $0.load
            return load.messages > Self.maximumCrossingMessages || load.bytes > Self.maximumCrossingBytes
        }
    }
}
