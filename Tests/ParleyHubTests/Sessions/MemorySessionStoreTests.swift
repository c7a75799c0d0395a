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

    @Test("A full store takes no more sessions until one ends")
    func bounded() throws {
        let store = MemorySessionStore(maximumSessions: 2)
        func session(_ token: String) -> GatewaySession {
            let createdAt = WallTime(milliseconds: 0)
            return GatewaySession(token: token, createdAt: createdAt, expiresAt: WallTime(milliseconds: 10))
        }
        try store.create(session("a"))
        try store.create(session("b"))
        #expect(throws: SessionStoreError(.full, "")) { try store.create(session("c")) }
        store.delete("a")
        try store.create(session("c"))
        #expect(throws: SessionStoreError(.full, "")) { try store.create(session("d")) }
        #expect(store.purge(now: WallTime(milliseconds: 10)) == 2)
        try store.create(session("d"))
        #expect(store.count == 1)
    }
}
