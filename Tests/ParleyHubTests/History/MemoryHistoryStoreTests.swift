import ParleyHub
import ParleyTesting
import Testing

/// Tests of `MemoryHistoryStore.swift`.
@Suite struct MemoryHistoryStoreTests {
    @Test("Keeps histories as every store does", arguments: HistoryStoreConformance.scenarios)
    func conforms(scenario: ConformanceScenario<any HistoryStore>) async throws {
        try await scenario.run(MemoryHistoryStore())
    }
}
