import Foundation
import Logging
import NIOCore
import ParleyBackends
import ParleyModel
import Synchronization
import Testing

/// What is done for a backend may take as long as it likes.
@Suite(.timeLimit(.minutes(1)), .serialized) struct SlowEffectTests {
    /// Stops the first who comes to it until somebody has looked around.
    private final class Obstacle: Sendable {
        private struct State: Sendable {
            var isArmed = false
            var wasFatal = false
        }

        private let reached = DispatchSemaphore(value: 0)
        private let passed = DispatchSemaphore(value: 0)
        private let state = Mutex(State())

        /// Nobody could look around: who stands here has kept them out.
        var wasFatal: Bool { self.state.withLock { $0.wasFatal } }

        func pass() {
            let stops = self.state.withLock { state in
                defer { state.isArmed = false }
                return state.isArmed
            }
            guard stops else { return }
            self.reached.signal()
            if self.passed.wait(timeout: .now() + 10) == .timedOut { self.state.withLock { $0.wasFatal = true } }
        }

        /// From here on, looks around on a thread of its own as soon as somebody stands before the obstacle.
        func look<Found: Sendable>(_ body: @escaping @Sendable () -> Found) -> AsyncStream<Found> {
            let (found, feed) = AsyncStream.makeStream(of: Found.self)
            self.state.withLock { $0.isArmed = true }
            Thread.detachNewThread {
                self.reached.wait()
                feed.yield(body())
                feed.finish()
                self.passed.signal()
            }
            return found
        }
    }

    private struct ObstructedLog: LogHandler {
        let obstacle: Obstacle
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            if event.message.description == "Backend ended" { self.obstacle.pass() }
        }
    }

    enum Place: CaseIterable {
        case process, log, heldRequest, socketThatMayGoOn
    }

    @Test("Whoever looks for a route waits for no process, no log and no callback", arguments: Place.allCases)
    func lookups(place: Place) async throws {
        let obstacle = Obstacle()
        let fixture = SupervisorFixture(
            ScriptedRuntime(onTerminate: { if place == .process { obstacle.pass() } }),
            isReady: place != .heldRequest,
            logger: Logger(label: "test") { _ in
                place == .log ? ObstructedLog(obstacle: obstacle) as any LogHandler : SwiftLogNoOpLogHandler()
            }
        )
        let supervisor = fixture.supervisor
        let status = place == .heldRequest ? BackendStatus.waiting : .ready
        let slow = try await fixture.connect("slow")
        let other = try await fixture.connect("other")
        for backend in [slow.backend, other.backend] { try await fixture.states(of: backend, until: status) }
        let route = try #require(supervisor.open(slow.token).route)
        if place == .heldRequest { _ = supervisor.whenReady(route) { _ in obstacle.pass() } }
        if place == .socketThatMayGoOn { _ = supervisor.whenLeaving(route) { obstacle.pass() } }

        let looked = obstacle.look {
            let answers = [supervisor.open(other.token), supervisor.open(slow.token)]
            supervisor.sweep()
            supervisor.closed(route)
            return (isOpen: answers[0].route != nil, isGone: answers[1].isGone, count: supervisor.liveCount)
        }
        try supervisor.terminate(slow.backend, .soft)
        let found = await looked.first { _ in true }
        #expect(found?.isOpen == true && found?.isGone == true)
        #expect(found?.count == (place == .log ? 1 : 2))
        #expect(!obstacle.wasFatal)
        let states = try await fixture.states(of: slow.backend, until: .terminated)
        #expect(states.map(\.status) == states.map(\.status).sorted())
    }

    @Test("What is decided while an effect takes its time is done after it, in order")
    func order() async throws {
        let obstacle = Obstacle()
        let fixture = SupervisorFixture(ScriptedRuntime(obeys: false, onTerminate: { obstacle.pass() }))
        let supervisor = fixture.supervisor
        let id = try await fixture.connect("k").backend
        try await fixture.states(of: id, until: .ready)
        let states = try supervisor.states(of: id)
        let looked = obstacle.look {
            // The signal of the first is on its way.
            try? supervisor.terminate(id, .hard)
            return fixture.runtime[id]?.signals ?? [.hard]
        }
        try supervisor.terminate(id, .soft)
        #expect(await looked.first { _ in true } == [])
        let heard = await states.reduce(into: []) { $0.append($1.status) }
        #expect(Array(heard.suffix(4)) == [.ready, .terminating, .hardTerminating, .terminated])
        #expect(fixture.runtime[id]?.signals == [.soft, .hard])
        #expect(!obstacle.wasFatal)
    }
}
