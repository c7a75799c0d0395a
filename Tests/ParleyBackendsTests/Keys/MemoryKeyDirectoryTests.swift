import NIOCore
import ParleyBackends
import ParleyBackendsTesting
import ParleyModel
import ParleyTesting
import Testing

@Suite struct MemoryKeyDirectoryTests {
    @Test("Keeps keys as every directory does", arguments: KeyDirectoryConformance.scenarios)
    func conforms(scenario: ConformanceScenario<KeyDirectoryConformance.Subject>) async throws {
        let clock = FineClock()
        let directory = MemoryKeyDirectory(uptime: { clock.now }, wallTime: { WallTime(milliseconds: 1) })
        try await scenario.run(.init(directory) { clock.advance($0) })
    }
}
