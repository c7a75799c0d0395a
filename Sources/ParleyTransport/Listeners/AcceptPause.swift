internal import NIOCore

/// How long a listener waits before it tries to accept again, after it could not for want of descriptors or memory.
///
/// The connection that could not be accepted stays in the queue, so that the kernel would say at once that there is one, again
/// and again: without a pause the loop does nothing else.
struct AcceptPause: Equatable, Sendable {
    static let shortest = TimeAmount.milliseconds(100)
    static let longest = TimeAmount.milliseconds(500)
    /// Longer than the longest pause without a failure: it is over.
    static let quiet = TimeAmount.seconds(1)

    enum FailureAction: Equatable {
        /// - Parameter isFirst: Whether all was well before.
        case pause(TimeAmount, isFirst: Bool)
    }

    private enum State: Equatable {
        case well
        case failing(next: TimeAmount, last: NIODeadline)
    }

    private var state = State.well

    mutating func failed(now: NIODeadline) -> FailureAction {
        switch self.state {
        case .well:
            self.state = .failing(next: Self.shortest * 2, last: now)
            return .pause(Self.shortest, isFirst: true)
        case .failing(let pause, _):
            self.state = .failing(next: min(pause * 2, Self.longest), last: now)
            return .pause(pause, isFirst: false)
        }
    }

    enum AcceptedAction: Equatable {
        case none
        /// Failures may still follow: ask ``isOver(now:)`` then.
        case lookAgain(at: NIODeadline)
    }

    func accepted() -> AcceptedAction {
        switch self.state {
        case .well: .none
        case .failing(_, let last): .lookAgain(at: last + Self.quiet)
        }
    }

    /// After a connection was accepted. `true` once, when there has been no failure for a while.
    mutating func isOver(now: NIODeadline) -> Bool {
        guard case .failing(_, let last) = self.state, now >= last + Self.quiet else { return false }
        self.state = .well
        return true
    }
}
