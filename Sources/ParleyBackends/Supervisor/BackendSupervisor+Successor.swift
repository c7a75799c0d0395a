public import NIOCore
internal import ParleyModel
internal import Synchronization

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

    /// Calls `body` once, from any thread, when the backend of a route is asked to end, or ends.
    /// - Returns: A number for ``stopWatching(_:of:)``.
    public func whenLeaving(_ route: BackendRoute, _ body: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            if let record = route.record, record.lifecycle.status.isServing {
                record.leavingWatchers[number] = body
            } else {
                body()
            }
            return number
        }
    }

    public func stopWatching(_ number: Int, of route: BackendRoute) {
        self.state.withLock { _ in route.record?.leavingWatchers[number] = nil }
    }

    /// Whether requests may still go to the backend of a route.
    public func isServing(_ route: BackendRoute) -> Bool {
        self.state.withLock { _ in route.record?.lifecycle.status.isServing ?? false }
    }

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
        let isLeaving: Void? = await self.wait(for: .backend(id), until: notice) { state in
            route.record?.lifecycle.status.isServing == true ? nil : ()
        }
        guard isLeaving != nil else { return .stayed }
        let hasEnded: Void? = await self.wait(for: .backend(id), until: deadline) { state in
            route.record.map { $0.state.status == .terminated } ?? true ? () : nil
        }
        guard hasEnded != nil, let order = self.state.withLock({ _ in route.record?.succession(for: route) }) else {
            return .none
        }
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
            let (spawns, restarts, isShuttingDown) = self.state.withLock {
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
                let _: Void? = await self.wait(for: .backend(result.backend), until: deadline) { state in
                    state.backends[result.backend].map { $0.state.status == .terminated } ?? true ? () : nil
                }
            } catch {
                switch error {
                case .shuttingDown: return .shuttingDown
                case .keyHeld: return .none
                case .keyUnheld:
                    let _: Void? = await self.wait(for: .key(key), until: pause) { state in
                        state.spawnCount == spawns && !state.isShuttingDown ? nil : ()
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
        return self.state.withLock { $0.backends[id]?.revokedUsers.contains(UserID(user)) ?? false }
    }

    private func noteRestart(of key: BackendKey) {
        let now = self.uptime()
        self.state.withLock { $0.restarts[key, default: RestartPace()].started(at: now) }
    }

    // MARK: Waiting

    /// Asks `look` now and after every change of the subject, until it finds something or time is up.
    private func wait<Found>(
        for subject: Subject,
        until deadline: NIODeadline,
        _ look: @Sendable (borrowing State) -> Found?
    ) async -> Found? {
        while true {
            if let found = self.state.withLock({ look($0) }) { return found }
            guard self.uptime() < deadline, !Task.isCancelled else { return nil }
            let number = self.state.withLock { $0.makeNumber() }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isOver = self.state.withLock { state in
                        // Nobody would be woken by what has happened since.
                        guard look(state) == nil, self.uptime() < deadline, !Task.isCancelled else { return true }
                        state.watchers[subject, default: [:]][number] = Watcher(deadline: deadline, wake: continuation)
                        return false
                    }
                    if isOver { continuation.resume() }
                }
            } onCancel: {
                self.state.withLock { $0.watchers[subject]?.removeValue(forKey: number) }?.wake.resume()
            }
        }
    }

    /// What is waited for.
    enum Subject: Sendable, Hashable {
        case backend(BackendID)
        case key(BackendKey)
    }

    struct Watcher: Sendable {
        let deadline: NIODeadline
        let wake: CheckedContinuation<Void, Never>
    }
}

extension BackendSupervisor.State {
    /// Something has happened to the subject.
    mutating func wake(_ subject: BackendSupervisor.Subject) {
        for watcher in (self.watchers.removeValue(forKey: subject) ?? [:]).values { watcher.wake.resume() }
    }

    mutating func wakeAll() {
        for subject in self.watchers.keys { self.wake(subject) }
    }

    /// Wakes those who have waited for long enough.
    mutating func wakeOverdue(at now: NIODeadline) {
        for subject in self.watchers.filter({ $0.value.values.contains { $0.deadline <= now } }).keys {
            self.wake(subject)
        }
    }
}

extension BackendRecord {
    /// How the next backend of the key is asked for; `nil`: by nobody.
    fileprivate func succession(for route: BackendRoute) -> ConnectOrder? {
        guard var order = self.origin else { return nil }
        order.key = self.key
        order.user = route.user
        order.auth = route.userData
        if self.state.reason == .external { order.spawn = nil }
        return order
    }
}
