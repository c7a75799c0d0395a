import Logging
import NIOCore
import NIOPosix
import RESP
import Synchronization

@testable import ParleyRedis

/// A client for one test, on an event loop of its own: others that are busy would look like servers that are slow.
struct TestClient {
    private let configuration: () throws -> RedisConfiguration
    private var onState: (@Sendable (RedisClientState) -> Void)?

    init(_ endpoint: String, secret: String? = nil, _ change: @escaping (inout RedisConfiguration) -> Void = { _ in }) {
        self.configuration = {
            var configuration = try RedisConfiguration(endpoints: endpoint, secret: secret)
            configuration.backoff.longest = .milliseconds(200)
            change(&configuration)
            return configuration
        }
    }

    func onState(_ tell: @escaping @Sendable (RedisClientState) -> Void) -> Self {
        var client = self
        client.onState = tell
        return client
    }

    @discardableResult
    func use<Value>(_ use: (RedisClient) async throws -> Value) async throws -> Value {
        let configuration = try self.configuration()
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = try RedisClient(
            configuration.endpoints[0],
            configuration,
            on: loops.next(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            seed: 1,
            onState: self.onState
        )
        do {
            let value = try await use(client)
            await client.shutDown()
            try await loops.shutdownGracefully()
            return value
        } catch {
            await client.shutDown()
            try await loops.shutdownGracefully()
            throw error
        }
    }
}

/// Things that happen one after another, for somebody who waits for them.
final class Happenings<Element: Sendable>: Sendable {
    private struct State {
        var all: [Element] = []
        var waiters: [(isEnough: @Sendable ([Element]) -> Bool, continuation: CheckedContinuation<[Element], Never>)] =
            []
    }

    private let state = Mutex(State())

    var all: [Element] { self.state.withLock { $0.all } }

    func append(_ element: Element) {
        let ready = self.state.withLock { state in
            state.all.append(element)
            let all = state.all
            let ready = state.waiters.filter { $0.isEnough(all) }
            state.waiters.removeAll { $0.isEnough(all) }
            return ready.map { ($0.continuation, all) }
        }
        for (continuation, all) in ready { continuation.resume(returning: all) }
    }

    /// Waits until what has happened is enough, or the test has had its time.
    @discardableResult
    func wait(_ isEnough: @escaping @Sendable ([Element]) -> Bool) async -> [Element] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let all: [Element]? = self.state.withLock { state in
                    if isEnough(state.all) || Task.isCancelled { return state.all }
                    state.waiters.append((isEnough, continuation))
                    return nil
                }
                if let all { continuation.resume(returning: all) }
            }
        } onCancel: {
            let waiters = self.state.withLock { state in
                defer { state.waiters = [] }
                return state.waiters.map { ($0.continuation, state.all) }
            }
            for (continuation, all) in waiters { continuation.resume(returning: all) }
        }
    }
}

/// What a subscription has told, in words.
extension RedisSubscriptionEvent {
    var words: String {
        switch self {
        case .subscribed(let gap): gap == nil ? "heard" : "heard after a gap"
        case .interrupted: "interrupted"
        case .message(let message): String(buffer: message.payload)
        case .refused(let error): "refused \(error.reply?.code ?? "\(error.code)")"
        }
    }
}

extension RedisClient {
    func listen(to channel: RedisChannel) -> Happenings<String> {
        let happenings = Happenings<String>()
        self.subscribe(to: channel) { happenings.append($0.words) }
        return happenings
    }

    /// Until it succeeds, or does not for any other reason than that nobody can answer now.
    @discardableResult
    func sendAgain(_ command: RedisCommand) async throws -> RESPValue {
        while true {
            try Task.checkCancellation()
            do {
                return try await self.send(command)
            } catch {
                guard error.code != .refused || error.reply?.isBeforeExecution == true else { throw error }
            }
        }
    }
}
