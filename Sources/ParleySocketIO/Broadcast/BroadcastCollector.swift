internal import ParleyModel
public import SocketIO
internal import Synchronization

/// Thrown when not everybody has answered in time.
public struct BroadcastTimeout: Error, Sendable, CustomStringConvertible {
    /// The answers that came.
    public let responses: [SocketValue]
    public let description = "operation has timed out"
}

/// Collects the answers to one broadcast: complete when every shard has said how many recipients it has, and all of them have
/// answered.
final class BroadcastCollector: Sendable {
    private struct State {
        var shardsToReport: Int
        var expected: Set<ConnectionID> = []
        var responses: [SocketValue] = []
        var completion: (@Sendable (Result<[SocketValue], any Error>) -> Void)?
        /// Takes the collector out of the shards' tables.
        var cleanUp: (@Sendable () -> Void)?
    }

    let id: UInt64
    private let state: Mutex<State>

    init(id: UInt64, shards: Int, completion: @escaping @Sendable (Result<[SocketValue], any Error>) -> Void) {
        self.id = id
        self.state = Mutex(State(shardsToReport: shards, completion: completion))
    }

    var isComplete: Bool { self.state.withLock { $0.completion == nil } }

    func onCompletion(_ cleanUp: @escaping @Sendable () -> Void) {
        let isOver = self.state.withLock { state -> Bool in
            state.cleanUp = cleanUp
            return state.completion == nil
        }
        if isOver { cleanUp() }
    }

    /// A shard has sent the broadcast to these.
    func sent(to recipients: [ConnectionID]) {
        self.state.withLock { state in
            state.shardsToReport -= 1
            state.expected.formUnion(recipients)
        }
        self.completeIfReady()
    }

    /// - Returns: Whether the answer was one of those that are waited for.
    func received(_ arguments: SocketArguments, from connection: ConnectionID) -> Bool {
        let counts = self.state.withLock { state -> Bool in
            guard state.completion != nil, state.expected.remove(connection) != nil else { return false }
            state.responses.append(arguments.detached()[0])
            return true
        }
        if counts { self.completeIfReady() }
        return counts
    }

    func timedOut() {
        self.complete { .failure(BroadcastTimeout(responses: $0.responses)) }
    }

    private func completeIfReady() {
        self.complete { $0.shardsToReport == 0 && $0.expected.isEmpty ? .success($0.responses) : nil }
    }

    private func complete(_ result: (State) -> Result<[SocketValue], any Error>?) {
        let work = self.state.withLock { state -> (@Sendable () -> Void)? in
            guard let completion = state.completion, let result = result(state) else { return nil }
            state.completion = nil
            let cleanUp = state.cleanUp
            return {
                completion(result)
                cleanUp?()
            }
        }
        work?()
    }
}
