import Logging
import NIOCore
import NIOPosix
import ParleyBackends
import ParleyBackendsHTTP
import ParleyHub
import ParleyModel
import Synchronization
import Testing

@testable import ParleyServer
@testable import ParleyTransport

/// Tests of `ParleyServer.start(_:logger:)` that fails.
@Suite struct FailedStartTests {
    /// Knows nothing, and counts how often it was closed.
    private final class CountingStore: BackendStore {
        let closings = Atomic<Int>(0)
        let fails: Bool

        init(fails: Bool = false) {
            self.fails = fails
        }

        func takeOver() throws -> [StoredBackend] {
            if self.fails { throw StoreError(.unavailable, "The store is away") }
            return []
        }
        func highestFencingToken() -> Int64 { 0 }
        func save(_ backends: [StoredBackend]) {}
        func delete(_ ids: [String]) {}
        func close() { self.closings.add(1, ordering: .relaxed) }
    }

    private static func start(_ store: CountingStore, ports: [Int]) async throws -> ParleyServer {
        var configuration = ServerConfiguration { WallTime(milliseconds: 0) }
        configuration.host = "127.0.0.1"
        configuration.eventLoops = 1
        configuration.backends.catalogue = BackendCatalogue()
        configuration.backends.store = store
        configuration.listeners = ports.map { .init(.frontDoor, port: $0, setting: "PARLEY_PORT") }
        return try await ParleyServer.start(
            configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test("A port that is taken leaves nothing running, and the port that was free is free again")
    func takenPort() async throws {
        let other = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let taken = try #require(other.localAddress?.port)
        let store = CountingStore()
        let failure = await #expect(throws: StartFailure.self) {
            try await Self.start(store, ports: [0, taken])
        }
        #expect(failure?.description.contains("PARLEY_PORT") == true)
        #expect(store.closings.load(ordering: .relaxed) == 1)
        try await other.close()
        let server = try await Self.start(CountingStore(), ports: [taken])
        await server.shutDown()
    }

    @Test("So does a store that cannot be asked")
    func store() async throws {
        let store = CountingStore(fails: true)
        await #expect(throws: (any Error).self) { try await Self.start(store, ports: [0]) }
        #expect(store.closings.load(ordering: .relaxed) == 1)
    }
}
