import ParleyHub
import ParleyTesting
import Testing

/// Tests of `MemoryPresenceStore.swift`.
@Suite struct MemoryPresenceStoreTests {
    @Test("Keeps presence as every store does", arguments: PresenceStoreConformance.scenarios)
    func conforms(scenario: ConformanceScenario<any PresenceStore>) async throws {
        try await scenario.run(MemoryPresenceStore())
    }
}
