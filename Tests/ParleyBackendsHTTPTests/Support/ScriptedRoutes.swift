import NIOCore
import Synchronization

@testable import ParleyBackends
@testable import ParleyBackendsHTTP

/// Knows what a test tells it of backends, and tells what it is asked.
final class ScriptedRoutes: ProxyRoutes {
    private struct State {
        var answers: [RouteAnswer] = []
        var number = 0
        var ready: [Int: @Sendable (SocketAddress?) -> Void] = [:]
        var ends: [Int: @Sendable () -> Void] = [:]
        var leaving: [Int: @Sendable () -> Void] = [:]
        var search: (@Sendable (Succession) -> Void)?
        var searches: [String] = []
        /// Opened, and not closed.
        var open = 0
        var isServing = true

        mutating func makeNumber() -> Int {
            self.number += 1
            return self.number
        }
    }

    private let state = Mutex(State())

    static func route(_ backend: String, resume: ResumePolicy? = nil) -> BackendRoute {
        BackendRoute(
            token: "token-of-\(backend)",
            backend: BackendID(backend)!,
            user: nil,
            userData: "{}",
            secret: "secret",
            subdomain: nil,
            resume: resume
        )
    }

    // MARK: What a test says and sees

    /// What the next to open a route is answered.
    func answer(_ answers: RouteAnswer...) { self.state.withLock { $0.answers += answers } }
    var openRoutes: Int { self.state.withLock { $0.open } }
    /// Whom anybody waits for, or is to be told of.
    var watchers: Int { self.state.withLock { $0.ready.count + $0.ends.count + $0.leaving.count } }
    /// As `backend`, and `backend expected` for those who had said that they go away.
    var searches: [String] { self.state.withLock { $0.searches } }
    /// A route is open that a test opened by itself.
    func noteOpen() { self.state.withLock { $0.open += 1 } }
    func stopServing() { self.state.withLock { $0.isServing = false } }

    func settle(_ address: SocketAddress?) {
        for ready in self.state.withLock({ state in
            defer { state.ready = [:] }
            return Array(state.ready.values)
        }) { ready(address) }
    }

    func endTokens() { for end in self.state.withLock({ Array($0.ends.values) }) { end() } }
    func leave() { for leave in self.state.withLock({ Array($0.leaving.values) }) { leave() } }
    func find(_ succession: Succession) { self.state.withLock { $0.search.take() }?(succession) }

    // MARK: What it is asked

    func open(_ token: String) -> RouteAnswer {
        self.state.withLock { state in
            guard !state.answers.isEmpty else { return .gone }
            let answer = state.answers.removeFirst()
            switch answer {
            case .ready, .pending: state.open += 1
            case .gone, .full: break
            }
            return answer
        }
    }

    func closed(_ route: BackendRoute) { self.state.withLock { $0.open -= 1 } }

    func whenReady(_ route: BackendRoute, _ ready: @escaping @Sendable (SocketAddress?) -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            state.ready[number] = ready
            return number
        }
    }

    func stopWaiting(_ number: Int, for route: BackendRoute) { self.state.withLock { $0.ready[number] = nil } }

    func register(_ route: BackendRoute, end: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            state.ends[number] = end
            return number
        }
    }

    func unregister(_ number: Int, of route: BackendRoute) { self.state.withLock { $0.ends[number] = nil } }

    func whenLeaving(_ route: BackendRoute, _ body: @escaping @Sendable () -> Void) -> Int {
        self.state.withLock { state in
            let number = state.makeNumber()
            state.leaving[number] = body
            return number
        }
    }

    func stopWatching(_ number: Int, of route: BackendRoute) { self.state.withLock { $0.leaving[number] = nil } }
    func isServing(_ route: BackendRoute) -> Bool { self.state.withLock { $0.isServing } }

    func findSuccessor(
        of route: BackendRoute,
        isExpected: Bool,
        until deadline: NIODeadline,
        _ found: @escaping @Sendable (Succession) -> Void
    ) -> Task<Void, Never> {
        self.state.withLock { state in
            state.searches.append(route.backend.text + (isExpected ? " expected" : ""))
            state.search = found
        }
        return Task {}
    }
}
