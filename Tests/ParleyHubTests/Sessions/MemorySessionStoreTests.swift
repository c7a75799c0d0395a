import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyHub

/// Tests of `MemorySessionStore.swift`.
@Suite struct MemorySessionStoreTests {
    @Test("Keeps sessions as every store does", arguments: SessionStoreConformance.scenarios)
    func conforms(scenario: SessionStoreConformance.Scenario) async throws {
        try await scenario.run(MemorySessionStore())
    }

    @Test("A full store lets go of what was not used for longest, anonymous sessions first")
    func bounded() throws {
        let store = MemorySessionStore(maximumSessions: 3)
        func create(_ token: String, at time: Int64) throws {
            let createdAt = WallTime(milliseconds: time)
            try store.create(GatewaySession(token: token, createdAt: createdAt, expiresAt: WallTime(milliseconds: 100)))
        }
        for (token, time) in [("known", 1), ("idle", 2), ("busy", 3)] as [(String, Int64)] {
            try create(token, at: time)
        }
        #expect(store.link("known", userID: "u", now: WallTime(milliseconds: 3)))
        store.noteActivity(["busy": WallTime(milliseconds: 9)])
        try create("new", at: 4)
        let now = WallTime(milliseconds: 9)
        #expect(
            ["known", "idle", "busy", "new"].map { store.find($0, now: now) != nil } == [true, false, true, true]
        )
        #expect(store.count == 3)
    }
}
