internal import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// One node of a scenario: numbers its batches, and knows how far it is.
final class BrokerUser: Sendable {
    private struct State: Sendable {
        var number: [TopicKey: UInt64] = [:]
        var applied: [TopicKey: StreamPosition] = [:]
        var last: [TopicKey: TopicBatch] = [:]
    }

    let incarnation: NodeIncarnation
    let broker: any Broker
    private let state = Mutex(State())
    private let records: AsyncStream<TopicRecord>
    private let receive: AsyncStream<TopicRecord>.Continuation
    private let known = Mutex<[TopicRecord]>([])

    init(_ medium: BrokerConformance.Medium, _ node: UInt32) {
        self.incarnation = Sample.node(node)
        self.broker = medium.connect(self.incarnation)
        (self.records, self.receive) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    func subscribe(_ topic: String) async throws {
        let receive = self.receive
        try await Self.wait { done in
            self.broker.subscribe(to: Sample.topic(topic), receive: { receive.yield($0) }, confirm: done)
        }
    }

    /// What was heard, up to the record with that offset.
    func heard(_ topic: String, through offset: UInt64) async throws -> [TopicRecord] {
        var heard = self.known.withLock { $0 }
        var records = self.records.makeAsyncIterator()
        while (heard.last?.position.offset ?? 0) < offset {
            guard let record = await records.next() else { break }
            heard.append(record)
        }
        self.known.withLock { $0 = heard }
        return heard
    }

    func state(_ topic: String, space: UInt16 = 0) async throws -> TopicState {
        let key = Sample.topic(topic, space: space)
        let state = try await Self.wait { self.broker.state(of: key, answer: $0) }
        self.state.withLock {
            $0.applied[key] = state.position
            $0.number[key] = state.lastNumber
        }
        return state
    }

    func tail(_ topic: String) async throws -> StreamPosition {
        try await Self.wait { self.broker.tail(of: Sample.topic(topic), answer: $0) }
    }

    func records(_ topic: String, after position: StreamPosition) async throws -> [TopicRecord]? {
        try await Self.wait { self.broker.records(of: Sample.topic(topic), after: position, answer: $0) }
    }

    func append(
        _ topic: String,
        _ content: TopicBatch.Content,
        space: UInt16 = 0,
        epoch: UInt64? = nil
    ) async throws -> TopicAnswer {
        let key = Sample.topic(topic, space: space)
        let batch = self.state.withLock { state in
            let number = (state.number[key] ?? 0) + 1
            let applied = state.applied[key] ?? StreamPosition(epoch: 0, offset: 0)
            let batch = TopicBatch(
                proposer: self.incarnation,
                number: number,
                applied: StreamPosition(epoch: epoch ?? applied.epoch, offset: applied.offset),
                time: Sample.start,
                content: content
            )
            state.number[key] = number
            state.last[key] = batch
            return batch
        }
        return try await self.propose(batch, to: key)
    }

    func appendAll(_ topic: String, _ contents: [TopicBatch.Content]) async throws -> [TopicAnswer] {
        var answers: [TopicAnswer] = []
        for content in contents { answers.append(try await self.append(topic, content)) }
        return answers
    }

    /// The first member that this node has in the topic says something.
    func say(_ topic: String, _ texts: [String], space: UInt16 = 0) async throws -> TopicAnswer {
        let key = Sample.topic(topic, space: space)
        let state = try await Self.wait { self.broker.state(of: key, answer: $0) }
        let own = state.members.first { $0.member.client.incarnation == self.incarnation }
        let client = own?.member.client ?? Sample.member("", on: self.incarnation.node.rawValue).client
        return try await self.append(topic, .publish(texts.map { Self.publish($0, by: client) }), space: space)
    }

    /// The same, without a look at who is there.
    func sayUnchecked(_ topic: String, _ texts: [String]) async throws -> TopicAnswer {
        let client = Sample.member("", on: self.incarnation.node.rawValue).client
        return try await self.append(topic, .publish(texts.map { Self.publish($0, by: client) }))
    }

    func repeatLast(_ topic: String) async throws -> TopicAnswer? {
        let key = Sample.topic(topic)
        guard let batch = self.state.withLock({ $0.last[key] }) else { return nil }
        return try await self.propose(batch, to: key)
    }

    private func propose(_ batch: TopicBatch, to key: TopicKey) async throws -> TopicAnswer {
        try await Self.wait { self.broker.append(batch, to: key, answer: $0) }
    }

    private static func publish(_ text: String, by client: ClientID) -> TopicPublish {
        TopicPublish(origin: .member(client), payload: Sample.text(text))
    }

    private static func wait<Value: Sendable>(
        _ question: (@escaping @Sendable (Result<Value, StoreError>) -> Void) -> Void
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            question { continuation.resume(with: $0.mapError { $0 as any Error }) }
        }
    }
}
