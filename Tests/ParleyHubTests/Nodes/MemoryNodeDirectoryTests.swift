import ParleyHub
import ParleyTesting
import Testing

/// Tests of `MemoryNodeDirectory.swift`.
@Suite struct MemoryNodeDirectoryTests {
    @Test("Knows nodes as every directory does", arguments: NodeDirectoryConformance.scenarios)
    func conforms(scenario: ConformanceScenario<any NodeDirectory>) async throws {
        try await scenario.run(MemoryNodeDirectory())
    }
}
