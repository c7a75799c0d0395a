public import NIOCore
internal import ParleyModel

/// What becomes of a WebSocket that may outlive its backend.
public enum Succession: Sendable {
    /// Another backend holds the key; the route is for the user of the one before.
    case successor(BackendRoute)
    /// The backend did not end: it closed that one connection.
    case stayed
    /// Nobody came in time, or may.
    case none
    /// This server ends.
    case shuttingDown
}

/// Backends that follow each other on a key. Source: docs/session-backends.md, "Resume".
extension BackendSupervisor {
    /// How long after its connection a backend may be seen to end; longer for one that has said so.
    private static let noticeTime = TimeAmount.seconds(2)
    private static let expectedNoticeTime = TimeAmount.seconds(5)
    private static let retryTime = TimeAmount.milliseconds(250)

    /// Waits for the end of a backend whose connection is gone, and for the one that takes its place.
    ///
    /// One that ended by itself, or of age, is started again, later and later if it does not stay. After one that somebody
    /// ended, another is waited for: whoever ends it may want that it stays so.
    /// - Parameter isExpected: Whether the backend has said that it goes away.
    public func successor(
        of route: BackendRoute,
        isExpected: Bool = false,
        until deadline: NIODeadline
    ) async -> Succession {
        let id = route.backend
        let notice = min(deadline, self.uptime() + (isExpected ? Self.expectedNoticeTime : Self.noticeTime))
        let isLeaving: Void? = await self.wait(for: .backend(id), until: notice) { machine in
            machine.isServing(route) ? nil : ()
        }
        guard isLeaving != nil else { return .stayed }
        let hasEnded: Void? = await self.wait(for: .backend(id), until: deadline) { machine in
            machine.hasEnded(route.number) ? () : nil
        }
        guard hasEnded != nil, let order = self.withMachine({ $0.succession(for: route) }) else { return .none }
        return await self.succeed(order, after: route, until: deadline)
    }

    private func succeed(
        _ order: ConnectOrder,
        after route: BackendRoute,
        until deadline: NIODeadline
    ) async -> Succession {
        guard let key = order.key else { return .none }
        while self.uptime() < deadline, !Task.isCancelled {
            // A user may have lost access while there was no backend.
            guard !self.isRevoked(route.user, at: route.backend) else { return .none }
            let (spawns, restarts, isShuttingDown) = self.withMachine {
                ($0.spawnCount, $0.restarts[key], $0.isShuttingDown)
            }
            guard !isShuttingDown else { return .shuttingDown }
            var attempt = order
            var pause = deadline
            if let next = restarts?.next, next > self.uptime() {
                attempt.spawn = nil
                pause = min(next, deadline)
            }
            do throws(BackendFailure) {
                let result = try await self.connect(attempt)
                if result.isSpawned { self.noteRestart(of: key) }
                let isRevoked = [route.backend, result.backend].contains { self.isRevoked(route.user, at: $0) }
                guard !isRevoked else { return .none }
                if let next = self.route(result.token), self.isServing(next) { return .successor(next) }
                let _: Void? = await self.wait(for: .backend(result.backend), until: deadline) { machine in
                    machine.hasEnded(machine.numbers[result.backend]) ? () : nil
                }
            } catch {
                switch error {
                case .shuttingDown: return .shuttingDown
                case .keyHeld: return .none
                case .keyUnheld:
                    let _: Void? = await self.wait(for: .key(key), until: pause) { machine in
                        machine.spawnCount == spawns && !machine.isShuttingDown ? nil : ()
                    }
                default:
                    let retry = min(deadline, self.uptime() + Self.retryTime)
                    let _: Void? = await self.wait(for: .key(key), until: retry) { _ in nil }
                }
            }
        }
        return .none
    }

    private func isRevoked(_ user: String?, at id: BackendID) -> Bool {
        guard let user else { return false }
        return self.withMachine { $0[id]?.revokedUsers.contains(UserID(user)) ?? false }
    }

    private func noteRestart(of key: BackendKey) {
        let now = self.uptime()
        self.withMachine { $0.restarts[key, default: RestartPace()].started(at: now) }
    }

    // MARK: Waiting

    /// Asks `look` now and after every change of the subject, until it finds something or time is up.
    private func wait<Found: Sendable>(
        for subject: SupervisorMachine.Subject,
        until deadline: NIODeadline,
        _ look: @Sendable (SupervisorMachine) -> Found?
    ) async -> Found? {
        while true {
            if let found = self.withMachine({ look($0) }) { return found }
            guard self.uptime() < deadline, !Task.isCancelled else { return nil }
            let number = self.withMachine { $0.makeNumber() }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isOver = self.withMachine { machine in
                        // Nobody would be woken by what has happened since.
                        guard look(machine) == nil, self.uptime() < deadline, !Task.isCancelled else { return true }
                        machine.watchers.add(continuation, number: number, to: subject, until: deadline)
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            } onCancel: {
                self.withMachine { $0.watchers.remove(number, from: subject) }?.resume()
            }
        }
    }
}

extension SupervisorMachine {
    /// Whether nothing is to be expected of a record any more.
    fileprivate func hasEnded(_ number: Int?) -> Bool {
        number.flatMap { self.records[$0] }.map { $0.state.status == .terminated } ?? true
    }

    /// How the next backend of the key is asked for; `nil`: by nobody.
    fileprivate func succession(for route: BackendRoute) -> ConnectOrder? {
        guard let record = self.records[route.number], var order = record.origin else { return nil }
        order.key = record.key
        order.user = route.user
        order.auth = route.userData
        if record.state.reason == .external { order.spawn = nil }
        return order
    }
}
