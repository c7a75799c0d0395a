public import NIOCore
public import ParleyModel

/// The life of one backend: takes what happens to it, returns what is to be done. Knows no process and no clock.
///
/// Events that come too late or twice change nothing: a backend never goes back.
public struct BackendLifecycle: Sendable {
    public enum Event: Sendable, Equatable {
        /// The runtime takes the backend.
        case taken
        case prepared
        /// The process runs, and its port is known.
        case launched
        /// It has answered HTTP.
        case answered
        /// The port cannot be asked, for a reason that is ours.
        case pollingFailed
        /// Preparation or launch failed; nothing runs.
        case launchFailed
        /// The process is gone.
        case exited(code: Int?)
        case stop(TerminationKind, TerminationReason)
        /// The runtime knows nothing of it.
        case lost
        /// Time has passed; see ``BackendLifecycle/deadline``.
        case tick
    }

    public enum Action: Sendable, Equatable {
        case prepare
        case launch
        /// Ask the port until it answers.
        case poll
        case signal(TerminationKind)
        /// A state was entered.
        case entered(BackendState)
    }

    /// A point on both clocks: one for deadlines, one for people.
    public struct Moment: Sendable, Equatable {
        public var uptime: NIODeadline
        public var wall: WallTime

        public init(uptime: NIODeadline, wall: WallTime) {
            self.uptime = uptime
            self.wall = wall
        }
    }

    public struct Limits: Sendable, Equatable {
        /// From waiting until ready.
        public var startupTimeout: TimeAmount
        /// From SIGTERM until SIGKILL.
        public var softGrace: TimeAmount

        public init(startupTimeout: TimeAmount = .seconds(300), softGrace: TimeAmount = .seconds(30)) {
            self.startupTimeout = startupTimeout
            self.softGrace = softGrace
        }
    }

    /// Every state so far, oldest first; never empty.
    public private(set) var history: [BackendState]
    /// When ``Event/tick`` is due.
    public private(set) var deadline: NIODeadline?

    private let limits: Limits
    /// Whether a process runs, so that there is something to signal and to wait for.
    private var hasProcess = false

    public init(limits: Limits, at moment: Moment) {
        self.limits = limits
        self.history = [BackendState(.scheduled, at: moment.wall)]
    }

    /// One whose end is known.
    init(limits: Limits, history: [BackendState]) {
        precondition(!history.isEmpty, "a backend has a state")
        self.limits = limits
        self.history = history
    }

    public var state: BackendState { self.history[self.history.count - 1] }
    public var status: BackendStatus { self.state.status }

    /// - Returns: What is to be done, in this order.
    public mutating func receive(_ event: Event, at moment: Moment) -> [Action] {
        switch (event, self.status) {
        case (_, .terminated):
            return []
        case (.taken, .scheduled):
            return [self.enter(.loading, moment), .prepare]
        case (.prepared, .loading):
            return [self.enter(.starting, moment), .launch]
        case (.launched, .starting):
            self.hasProcess = true
            self.deadline = moment.uptime + self.limits.startupTimeout
            return [self.enter(.waiting, moment), .poll]
        case (.launched, .terminating):
            // Asked to end while it was being launched.
            self.hasProcess = true
            self.deadline = moment.uptime + self.limits.softGrace
            return [.signal(.soft)]
        case (.launched, .hardTerminating):
            self.hasProcess = true
            return [.signal(.hard)]
        case (.answered, .waiting):
            self.deadline = nil
            return [self.enter(.ready, moment)]
        case (.pollingFailed, .waiting):
            return self.stop(.hard, .internalError, moment)
        case (.launchFailed, _) where !self.hasProcess:
            return [self.terminate(exitCode: nil, failedToLaunch: self.status.isServing, moment)]
        // A process may end before its launch is reported.
        case (.exited(let code), _) where self.hasProcess || self.wasLaunching:
            return [self.terminate(exitCode: code, failedToLaunch: false, moment)]
        case (.stop(let kind, let reason), _):
            return self.stop(kind, reason, moment)
        case (.lost, _):
            self.deadline = nil
            return [self.enter(.terminated, moment, reason: .lost, kind: self.state.kind)]
        case (.tick, _):
            return self.tick(moment)
        case (.taken, _), (.prepared, _), (.launched, _), (.answered, _), (.pollingFailed, _), (.launchFailed, _),
            (.exited, _):
            return []
        }
    }

    private mutating func tick(_ moment: Moment) -> [Action] {
        guard let deadline = self.deadline, deadline <= moment.uptime else { return [] }
        self.deadline = nil
        switch self.status {
        case .waiting: return self.stop(.hard, .startupTimeout, moment)
        // The state and its kind stay soft: nobody asked for more.
        case .terminating: return [.signal(.hard)]
        default: return []
        }
    }

    private mutating func stop(_ kind: TerminationKind, _ reason: TerminationReason, _ moment: Moment) -> [Action] {
        switch (kind, self.status) {
        case (_, .hardTerminating), (.soft, .terminating):
            return []
        case (.soft, _):
            var actions = [self.enter(.terminating, moment, reason: reason, kind: .soft)]
            self.deadline = self.hasProcess ? moment.uptime + self.limits.softGrace : nil
            if self.hasProcess { actions.append(.signal(.soft)) }
            return actions + self.endIfNothingRuns(moment)
        case (.hard, _):
            self.deadline = nil
            var actions = [self.enter(.hardTerminating, moment, reason: reason, kind: .hard)]
            if self.hasProcess { actions.append(.signal(.hard)) }
            return actions + self.endIfNothingRuns(moment)
        }
    }

    private var wasLaunching: Bool { self.history.contains { $0.status == .starting } }

    /// Before the launch there is no exit to wait for; during it, its outcome is.
    private mutating func endIfNothingRuns(_ moment: Moment) -> [Action] {
        guard !self.hasProcess, !self.wasLaunching else { return [] }
        return [self.terminate(exitCode: nil, failedToLaunch: false, moment)]
    }

    private mutating func terminate(exitCode: Int?, failedToLaunch: Bool, _ moment: Moment) -> Action {
        self.deadline = nil
        let last = self.state
        return self.enter(
            .terminated,
            moment,
            reason: last.reason,
            kind: last.kind,
            exitCode: exitCode,
            failedToLaunch: failedToLaunch
        )
    }

    private mutating func enter(
        _ status: BackendStatus,
        _ moment: Moment,
        reason: TerminationReason? = nil,
        kind: TerminationKind? = nil,
        exitCode: Int? = nil,
        failedToLaunch: Bool = false
    ) -> Action {
        let state = BackendState(
            status,
            at: moment.wall.after(self.state.time),
            reason: reason,
            kind: kind,
            exitCode: exitCode,
            failedToLaunch: failedToLaunch
        )
        self.history.append(state)
        return .entered(state)
    }
}
