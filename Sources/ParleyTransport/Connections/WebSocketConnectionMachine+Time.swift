internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// What is due, and when something will be.
extension WebSocketConnectionMachine {
    enum Due: Equatable {
        case nothing
        case ping
        case close(CloseReason)
        /// The peer does not read what is written to it.
        case expel
        /// End the transport, whatever is not written: time is up.
        case end
    }

    /// Time has passed.
    /// - Parameter lastSent: When a message was last sent; what the hub delivers does not come by here.
    mutating func timePassed(to now: NIODeadline, lastSent: NIODeadline) -> Due {
        switch self.phase {
        case .open, .holding:
            let tick = self.clock.tick(self.rules.clock, now: now, lastSent: lastSent)
            if let progress = self.progress, progress.deadline <= now { return .close(.unfinishedMessage) }
            if let stall = self.backlog?.stallDeadline, stall <= now { return .expel }
            switch tick {
            case .none: return .nothing
            case .ping: return .ping
            case .close(let reason): return .close(reason)
            }
        case .lingering(let until), .ending(let until):
            return until <= now ? .end : .nothing
        case .over:
            return .nothing
        }
    }

    /// When ``timePassed(to:lastSent:)`` is worth calling next; `nil`: never, as things are.
    func nextDeadline(lastSent: NIODeadline) -> NIODeadline? {
        switch self.phase {
        case .open, .holding:
            let deadline = self.clock.nextDeadline(self.rules.clock, lastSent: lastSent)
                .earlier(self.backlog?.stallDeadline)
                .earlier(self.progress?.deadline)
            return deadline == .distantFuture ? nil : deadline
        case .lingering(let until), .ending(let until):
            return until
        case .over:
            return nil
        }
    }
}

extension NIODeadline {
    fileprivate func earlier(_ other: NIODeadline?) -> NIODeadline {
        other.map { min(self, $0) } ?? self
    }
}
