import ParleyModel
import Synchronization
import Testing

@testable import ParleyHub

/// Tests of `SessionDirectory.swift`.
@Suite struct SessionDirectoryTests {
    private static let start = WallTime(milliseconds: 1_700_000_000_000)
    private static let twoMinutesLater = WallTime(milliseconds: 1_700_000_120_000)

    private static func session(_ token: String) -> GatewaySession {
        GatewaySession(
            token: token,
            createdAt: start,
            expiresAt: WallTime(milliseconds: start.milliseconds + 1_000_000)
        )
    }

    @Test("A session is found and used while nothing can be written; its use is written when that works again")
    func unwritable() async throws {
        let store = FailingStore()
        try store.memory.create(Self.session("a"))
        let sessions = SessionDirectory(store, writePause: .milliseconds(1))
        store.cannotWrite = true
        let found = try await sessions.touch("a", now: Self.twoMinutesLater)
        #expect(found?.lastActivityAt == Self.twoMinutesLater)
        await store.waitForFailedWrites(2)
        #expect(store.memory.find("a", now: Self.start)?.lastActivityAt == Self.start)
        store.cannotWrite = false
        await store.waitForWrites(1)
        #expect(store.memory.find("a", now: Self.start)?.lastActivityAt == Self.twoMinutesLater)
    }

    @Test("What is noted is written at the end of the process")
    func flush() async throws {
        let store = FailingStore()
        try store.memory.create(Self.session("a"))
        let sessions = SessionDirectory(store, writePause: .seconds(3600))
        _ = try await sessions.touch("a", now: Self.twoMinutesLater)
        await sessions.flush()
        #expect(store.memory.find("a", now: Self.start)?.lastActivityAt == Self.twoMinutesLater)
    }

    @Test("Looking at a session is no use of it, and one just used is not written again")
    func noNotes() async throws {
        let store = FailingStore()
        try store.memory.create(Self.session("a"))
        let sessions = SessionDirectory(store, writePause: .milliseconds(1))
        _ = try await sessions.find("a", now: Self.twoMinutesLater)
        _ = try await sessions.touch("a", now: Self.start)
        await sessions.flush()
        #expect(store.writes == 0)
    }

    @Test("Trouble is reported when it begins and when it ends, whatever happens in between")
    func reports() async throws {
        let store = FailingStore()
        try store.memory.create(Self.session("a"))
        let reports = Reports()
        let sessions = SessionDirectory(store) { reports.add($0) }
        try await sessions.check()
        store.cannotWrite = true
        for _ in 0..<5 {
            await #expect(throws: StoreError(.full, "")) { try await sessions.create(Self.session("b")) }
            await #expect(throws: StoreError(.full, "")) { try await sessions.check() }
            // Reading goes on, which does not end the trouble.
            #expect(try await sessions.find("a", now: Self.start) != nil)
        }
        store.cannotWrite = false
        try await sessions.create(Self.session("b"))
        await #expect(throws: StoreError(.exists, "")) { try await sessions.create(Self.session("b")) }
        #expect(reports.all == [.began(.write, StoreError(.full, "")), .ended(.write, failures: 10)])
    }
}

private final class Reports: Sendable {
    private let reports = Mutex<[StoreHealth.Change]>([])

    var all: [StoreHealth.Change] { self.reports.withLock { $0 } }
    func add(_ change: StoreHealth.Change) { self.reports.withLock { $0.append(change) } }
}

/// Memory, on a disk that may be full.
private final class FailingStore: SessionStore {
    let memory = MemorySessionStore()
    private let state = Mutex(State())

    private struct State {
        var cannotWrite = false
        var writes = 0
        var failures = 0
    }

    var cannotWrite: Bool {
        get { self.state.withLock { $0.cannotWrite } }
        set { self.state.withLock { $0.cannotWrite = newValue } }
    }

    /// Of activities.
    var writes: Int { self.state.withLock { $0.writes } }

    func waitForWrites(_ count: Int) async { while self.state.withLock({ $0.writes < count }) { await Task.yield() } }
    func waitForFailedWrites(_ count: Int) async {
        while self.state.withLock({ $0.failures < count }) { await Task.yield() }
    }

    private func write() throws {
        if self.cannotWrite { throw StoreError(.full, "The disk is full") }
    }

    func create(_ session: GatewaySession) async throws {
        try self.write()
        try self.memory.create(session)
    }

    func find(_ token: String, now: WallTime) async throws -> GatewaySession? { self.memory.find(token, now: now) }

    func noteActivity(_ times: [String: WallTime]) async throws {
        do {
            try self.write()
        } catch {
            self.state.withLock { $0.failures += 1 }
            throw error
        }
        self.memory.noteActivity(times)
        self.state.withLock { $0.writes += 1 }
    }

    func link(_ token: String, userID: UserID, now: WallTime) async throws -> Bool {
        try self.write()
        return self.memory.link(token, userID: userID, now: now)
    }

    func delete(_ token: String) async throws -> Bool {
        try self.write()
        return self.memory.delete(token)
    }

    func purge(now: WallTime) async throws -> Int {
        try self.write()
        return self.memory.purge(now: now)
    }

    func check() async throws { try self.write() }
}
