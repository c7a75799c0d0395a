import NIOCore
import ParleyBackends
import ParleyModel
import Testing

@Suite struct BackendLifecycleTests {
    /// What happens, and the statuses and other actions that come of it.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let events: [BackendLifecycle.Event]
        let statuses: [BackendStatus]
        var signals: [TerminationKind] = []
        var reason: TerminationReason?
        var kind: TerminationKind?
        var exitCode: Int?
        var isExitError = false
        var testDescription: String { self.name }
    }

    static let toWaiting: [BackendLifecycle.Event] = [.taken, .prepared, .launched]
    static let toReady = Self.toWaiting + [.answered]
    static let upToReady: [BackendStatus] = [.scheduled, .loading, .starting, .waiting, .ready]

    @Test("Times of states grow, whatever the clock does", arguments: [0, 1, -5000] as [Int64])
    func times(step: Int64) {
        var wall: Int64 = 1_000_000
        var lifecycle = BackendLifecycle(
            limits: .init(),
            at: .init(uptime: .zero, wall: WallTime(milliseconds: wall))
        )
        for event in Self.toReady + [.stop(.soft, .external), .stop(.hard, .external), .exited(code: 0)] {
            wall += step
            _ = lifecycle.receive(event, at: .init(uptime: .zero, wall: WallTime(milliseconds: wall)))
        }
        let times = lifecycle.history.map(\.time)
        #expect(times.count == 8 && zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
    }

    static let rows: [Row] = [
        Row(name: "comes up", events: Self.toReady, statuses: Self.upToReady),
        Row(
            name: "exits by itself",
            events: Self.toReady + [.exited(code: 0)],
            statuses: Self.upToReady + [.terminated],
            exitCode: 0
        ),
        Row(
            name: "fails by itself",
            events: Self.toReady + [.exited(code: 3)],
            statuses: Self.upToReady + [.terminated],
            exitCode: 3,
            isExitError: true
        ),
        Row(
            name: "exits before it answers",
            events: Self.toWaiting + [.exited(code: 1), .answered],
            statuses: [.scheduled, .loading, .starting, .waiting, .terminated],
            exitCode: 1,
            isExitError: true
        ),
        Row(
            name: "exits before its launch is reported",
            events: [.taken, .prepared, .exited(code: 2), .launched, .answered],
            statuses: [.scheduled, .loading, .starting, .terminated],
            exitCode: 2,
            isExitError: true
        ),
        Row(
            name: "exits before its launch is reported, and was told to end",
            events: [.taken, .prepared, .stop(.soft, .external), .exited(code: 0), .launched],
            statuses: [.scheduled, .loading, .starting, .terminating, .terminated],
            reason: .external,
            kind: .soft,
            exitCode: 0
        ),
        Row(
            name: "ends softly",
            events: Self.toReady + [.stop(.soft, .external), .exited(code: 0)],
            statuses: Self.upToReady + [.terminating, .terminated],
            signals: [.soft],
            reason: .external,
            kind: .soft,
            exitCode: 0
        ),
        Row(
            name: "ends softly once",
            events: Self.toReady + [.stop(.soft, .swept), .stop(.soft, .external), .exited(code: 143)],
            statuses: Self.upToReady + [.terminating, .terminated],
            signals: [.soft],
            reason: .swept,
            kind: .soft,
            exitCode: 143,
            isExitError: true
        ),
        Row(
            name: "is killed",
            events: Self.toReady + [.stop(.hard, .external), .exited(code: 137)],
            statuses: Self.upToReady + [.hardTerminating, .terminated],
            signals: [.hard],
            reason: .external,
            kind: .hard,
            exitCode: 137,
            isExitError: true
        ),
        Row(
            name: "is killed while it ends softly",
            events: Self.toReady + [.stop(.soft, .swept), .stop(.hard, .external), .exited(code: 137)],
            statuses: Self.upToReady + [.terminating, .hardTerminating, .terminated],
            signals: [.soft, .hard],
            reason: .external,
            kind: .hard,
            exitCode: 137,
            isExitError: true
        ),
        Row(
            name: "is not saved by a soft stop",
            events: Self.toReady + [.stop(.hard, .external), .stop(.soft, .swept)],
            statuses: Self.upToReady + [.hardTerminating],
            signals: [.hard],
            reason: .external,
            kind: .hard
        ),
        Row(
            name: "ends before anything runs",
            events: [.taken, .stop(.soft, .external), .prepared],
            statuses: [.scheduled, .loading, .terminating, .terminated],
            reason: .external,
            kind: .soft
        ),
        Row(
            name: "ends while it is launched",
            events: [.taken, .prepared, .stop(.soft, .external), .launched, .exited(code: 143)],
            statuses: [.scheduled, .loading, .starting, .terminating, .terminated],
            signals: [.soft],
            reason: .external,
            kind: .soft,
            exitCode: 143,
            isExitError: true
        ),
        Row(
            name: "is killed while it is launched",
            events: [.taken, .prepared, .stop(.hard, .external), .launched, .exited(code: 137)],
            statuses: [.scheduled, .loading, .starting, .hardTerminating, .terminated],
            signals: [.hard],
            reason: .external,
            kind: .hard,
            exitCode: 137,
            isExitError: true
        ),
        Row(
            name: "cannot be prepared",
            events: [.taken, .launchFailed],
            statuses: [.scheduled, .loading, .terminated],
            isExitError: true
        ),
        Row(
            name: "cannot be launched",
            events: [.taken, .prepared, .launchFailed],
            statuses: [.scheduled, .loading, .starting, .terminated],
            isExitError: true
        ),
        Row(
            name: "cannot be launched after it was told to end",
            events: [.taken, .prepared, .stop(.soft, .external), .launchFailed],
            statuses: [.scheduled, .loading, .starting, .terminating, .terminated],
            reason: .external,
            kind: .soft
        ),
        Row(
            name: "cannot be polled",
            events: Self.toWaiting + [.pollingFailed, .exited(code: 137)],
            statuses: [.scheduled, .loading, .starting, .waiting, .hardTerminating, .terminated],
            signals: [.hard],
            reason: .internalError,
            kind: .hard,
            exitCode: 137,
            isExitError: true
        ),
        Row(
            name: "is lost",
            events: Self.toReady + [.lost],
            statuses: Self.upToReady + [.terminated],
            reason: .lost
        ),
        Row(
            name: "ends once",
            events: Self.toReady + [.exited(code: 0), .exited(code: 9), .stop(.hard, .external), .lost],
            statuses: Self.upToReady + [.terminated],
            exitCode: 0
        ),
    ]

    @Test("A backend", arguments: Self.rows)
    func lives(_ row: Row) {
        var lifecycle = BackendLifecycle(limits: .init(), at: .init(uptime: .zero, wall: .zero))
        var signals: [TerminationKind] = []
        for event in row.events {
            for case .signal(let kind) in lifecycle.receive(event, at: .init(uptime: .zero, wall: .zero)) {
                signals.append(kind)
            }
        }
        #expect(lifecycle.history.map(\.status) == row.statuses)
        #expect(signals == row.signals)
        #expect(lifecycle.state.reason == row.reason)
        #expect(lifecycle.state.kind == row.kind)
        #expect(lifecycle.state.exitCode == row.exitCode)
        #expect(lifecycle.state.isExitError == row.isExitError)
    }

    @Test("A backend that does not answer in time is killed")
    func startupTimeout() {
        var lifecycle = BackendLifecycle(
            limits: .init(startupTimeout: .seconds(30)),
            at: .init(uptime: .zero, wall: .zero)
        )
        for event in Self.toWaiting { _ = lifecycle.receive(event, at: .init(uptime: .zero, wall: .zero)) }
        #expect(lifecycle.deadline == .zero + .seconds(30))
        #expect(lifecycle.receive(.tick, at: .init(uptime: .zero + .seconds(29), wall: .zero)) == [])
        let actions = lifecycle.receive(.tick, at: .init(uptime: .zero + .seconds(30), wall: .zero))
        #expect(actions.last == .signal(.hard))
        let time = WallTime.zero.milliseconds + 4
        let expected = BackendState(
            .hardTerminating,
            at: WallTime(milliseconds: time),
            reason: .startupTimeout,
            kind: .hard
        )
        #expect(lifecycle.state == expected)
    }

    @Test("A backend that outlives its grace is killed, and its stop stays soft")
    func softGrace() {
        var lifecycle = BackendLifecycle(limits: .init(softGrace: .seconds(5)), at: .init(uptime: .zero, wall: .zero))
        for event in Self.toReady { _ = lifecycle.receive(event, at: .init(uptime: .zero, wall: .zero)) }
        _ = lifecycle.receive(.stop(.soft, .swept), at: .init(uptime: .zero, wall: .zero))
        #expect(lifecycle.deadline == .zero + .seconds(5))
        #expect(lifecycle.receive(.tick, at: .init(uptime: .zero + .seconds(5), wall: .zero)) == [.signal(.hard)])
        #expect(lifecycle.status == .terminating)
        #expect(lifecycle.deadline == nil)
        _ = lifecycle.receive(.exited(code: 137), at: .init(uptime: .zero + .seconds(5), wall: .zero))
        #expect(lifecycle.state.kind == .soft)
    }

    @Test("Each state has the time at which it was entered")
    func times() {
        var lifecycle = BackendLifecycle(limits: .init(), at: .init(uptime: .zero, wall: WallTime(milliseconds: 7)))
        _ = lifecycle.receive(.taken, at: .init(uptime: .zero, wall: WallTime(milliseconds: 9)))
        #expect(lifecycle.history.map(\.time.milliseconds) == [7, 9])
    }
}

extension NIODeadline {
    static let zero = NIODeadline.uptimeNanoseconds(0)
}

extension WallTime {
    static let zero = WallTime(milliseconds: 0)
}
