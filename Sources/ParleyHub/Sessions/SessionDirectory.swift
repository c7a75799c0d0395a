public import ParleyModel
internal import Synchronization

/// The sessions of a gateway as its parts ask for them.
///
/// Finding a session never waits for a write: when it was last used is written behind it, with that of others, and again if
/// the store could not.
public final class SessionDirectory: Sendable {
    private let store: any SessionStore
    private let writePause: Duration
    private let notes = Mutex(ActivityNotes())
    private let watch: StoreWatch

    /// Pauses between writes that fail grow up to this.
    private static let maximumPause = Duration.seconds(60)

    /// - Parameters:
    ///   - writePause: How long uses of sessions are collected before they are written.
    ///   - report: Called when the store's trouble begins and when it ends, for the log.
    public init(
        _ store: any SessionStore,
        writePause: Duration = .seconds(5),
        report: @escaping @Sendable (StoreHealth.Change) -> Void = { _ in }
    ) {
        self.store = store
        self.writePause = writePause
        self.watch = StoreWatch(report: report)
    }

    /// - Throws: What ``SessionStore/create(_:)`` does.
    public func create(_ session: GatewaySession) async throws {
        try await self.watch.watching(.write) { try await self.store.create(session) }
    }

    /// The session if it exists and is not expired at `now`. Nobody uses it by that.
    public func find(_ token: String, now: WallTime) async throws -> GatewaySession? {
        try await self.watch.watching(.read) { try await self.store.find(token, now: now) }
    }

    /// The same for somebody who uses it, which is noted: the answer has `now` as its last activity, the store has it later.
    public func touch(_ token: String, now: WallTime) async throws -> GatewaySession? {
        guard var session = try await self.find(token, now: now) else { return nil }
        if self.notes.withLock({ $0.note(token, now: now, stored: session.lastActivityAt) }) {
            Task { await self.writeNotes() }
        }
        session.lastActivityAt = max(session.lastActivityAt, now)
        return session
    }

    public func link(_ token: String, userID: UserID, now: WallTime) async throws -> Bool {
        try await self.watch.watching(.write) { try await self.store.link(token, userID: userID, now: now) }
    }

    @discardableResult public func delete(_ token: String) async throws -> Bool {
        let isDeleted = try await self.watch.watching(.write) { try await self.store.delete(token) }
        self.notes.withLock { $0.forget(token) }
        return isDeleted
    }

    @discardableResult public func purge(now: WallTime) async throws -> Int {
        try await self.watch.watching(.write) { try await self.store.purge(now: now) }
    }

    /// - Throws: What the store does when it cannot be written.
    public func check() async throws {
        try await self.watch.watching(.write) { try await self.store.check() }
    }

    /// Writes what is noted now, once: before the process ends.
    public func flush() async {
        guard let times = self.notes.withLock({ $0.take() }) else { return }
        await self.write(times)
    }

    private func writeNotes() async {
        var pause = self.writePause
        repeat {
            try? await Task.sleep(for: pause)
            guard let times = self.notes.withLock({ $0.take() }) else { return }
            pause = await self.write(times) ? self.writePause : min(pause * 2, Self.maximumPause)
        } while true
    }

    @discardableResult private func write(_ times: [String: WallTime]) async -> Bool {
        do {
            try await self.watch.watching(.write) { try await self.store.noteActivity(times) }
            return true
        } catch {
            self.notes.withLock { $0.putBack(times) }
            return false
        }
    }
}
