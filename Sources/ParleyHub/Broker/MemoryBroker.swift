public import ParleyModel
internal import Synchronization

/// The logs of nodes that live in one process: decides and answers within the call.
public final class MemoryBroker: Sendable {
    /// Told one after another: who receives a record must not ask anything from within.
    private struct State: Sendable {
        var logs: [TopicKey: TopicLog] = [:]
        var listeners: [TopicKey: [NodeIncarnation: @Sendable (TopicRecord) -> Void]] = [:]
        var nextEpoch: UInt64
    }

    private let policy: @Sendable (TopicKey) -> HistoryPolicy
    private let state: Mutex<State>

    /// - Parameters:
    ///   - epoch: Of the first log; each further one has another.
    ///   - policy: What the topics retain.
    public init(epoch: UInt64 = 1, policy: @escaping @Sendable (TopicKey) -> HistoryPolicy) {
        self.policy = policy
        self.state = Mutex(State(nextEpoch: epoch))
    }

    /// One node's way to it.
    public func connect(as incarnation: NodeIncarnation) -> some Broker {
        Connection(incarnation: incarnation, broker: self)
    }

    /// Removes the members of a node that was given up from all topics, each by one leave.
    public func reap(_ incarnation: NodeIncarnation) {
        self.state.withLock { state in
            for topic in state.logs.keys {
                let records = state.logs[topic]?.reap(incarnation) ?? []
                state.listeners[topic]?[incarnation] = nil
                for record in records { Self.tell(record, of: topic, in: state) }
            }
        }
    }

    /// Loses everything, as a server that was started empty.
    public func forgetAll() {
        self.state.withLock { $0.logs = [:] }
    }

    private static func tell(_ record: TopicRecord, of topic: TopicKey, in state: borrowing State) {
        for receive in (state.listeners[topic] ?? [:]).values { receive(record) }
    }

    private func withLog<Value>(of topic: TopicKey, _ body: (inout TopicLog, borrowing State) -> Value) -> Value {
        self.state.withLock { state in
            var log: TopicLog
            if let known = state.logs.removeValue(forKey: topic) {
                log = known
            } else {
                log = TopicLog(epoch: state.nextEpoch, policy: self.policy(topic))
                state.nextEpoch += 1
            }
            defer { state.logs[topic] = log }
            return body(&log, state)
        }
    }

    private struct Connection: Broker {
        let incarnation: NodeIncarnation
        let broker: MemoryBroker

        func subscribe(
            to topic: TopicKey,
            receive: @escaping @Sendable (TopicRecord) -> Void,
            confirm: @escaping @Sendable (Result<Void, StoreError>) -> Void
        ) {
            self.broker.state.withLock { $0.listeners[topic, default: [:]][self.incarnation] = receive }
            confirm(.success(()))
        }

        func unsubscribe(from topic: TopicKey) {
            self.broker.state.withLock { state in
                state.listeners[topic]?[self.incarnation] = nil
                guard state.listeners[topic]?.isEmpty == true else { return }
                state.listeners[topic] = nil
                // Nothing is in it, and nobody knows its numbers: it may as well begin anew.
                if state.logs[topic]?.isEmpty == true { state.logs[topic] = nil }
            }
        }

        func append(
            _ batch: TopicBatch,
            to topic: TopicKey,
            answer: @escaping @Sendable (Result<TopicAnswer, StoreError>) -> Void
        ) {
            let decided = self.broker.withLog(of: topic) { log, state in
                let (answer, record) = log.append(batch)
                // Within the lock, so that all hear all records in one order.
                if let record { MemoryBroker.tell(record, of: topic, in: state) }
                return answer
            }
            answer(.success(decided))
        }

        func state(of topic: TopicKey, answer: @escaping @Sendable (Result<TopicState, StoreError>) -> Void) {
            let state = self.broker.withLog(of: topic) { log, _ in log.state(for: self.incarnation) }
            answer(.success(state))
        }

        func records(
            of topic: TopicKey,
            after position: StreamPosition,
            answer: @escaping @Sendable (Result<[TopicRecord]?, StoreError>) -> Void
        ) {
            let records = self.broker.withLog(of: topic) { log, _ in log.records(after: position) }
            answer(.success(records))
        }

        func tail(of topic: TopicKey, answer: @escaping @Sendable (Result<StreamPosition, StoreError>) -> Void) {
            let position = self.broker.withLog(of: topic) { log, _ in log.position }
            answer(.success(position))
        }
    }
}
