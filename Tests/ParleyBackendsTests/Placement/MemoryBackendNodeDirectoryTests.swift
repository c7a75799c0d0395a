import NIOCore
import ParleyBackends
import ParleyBackendsTesting
import ParleyTesting
import Synchronization
import Testing

@Suite struct MemoryBackendNodeDirectoryTests {
    @Test("Lists nodes as every directory does", arguments: BackendNodeDirectoryConformance.scenarios)
    func conforms(scenario: ConformanceScenario<BackendNodeDirectoryConformance.Subject>) async throws {
        let clock = FineClock()
        let directory = MemoryBackendNodeDirectory(uptime: { clock.now })
        try await scenario.run(.init(directory) { clock.advance($0) })
    }
}

/// A clock that stands still until it is told to go on.
final class FineClock: Sendable {
    private let time = Mutex(NIODeadline.zero + .seconds(1000))
    var now: NIODeadline { self.time.withLock { $0 } }
    func advance(_ amount: TimeAmount) { self.time.withLock { $0 = $0 + amount } }
}
