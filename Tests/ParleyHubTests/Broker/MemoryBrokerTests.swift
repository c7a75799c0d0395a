import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyHub

/// Tests of `MemoryBroker.swift` and `TopicLog.swift`.
@Suite struct MemoryBrokerTests {
    @Test("Does what every broker does", arguments: BrokerConformance.scenarios)
    func conforms(scenario: ConformanceScenario<BrokerConformance.Medium>) async throws {
        let broker = MemoryBroker(policy: BrokerConformance.policy)
        try await scenario.run(BrokerConformance.Medium { broker.connect(as: $0) })
    }

    @Test("Holes are filled as long as their records are kept, which is longer than the history")
    func records() {
        var log = TopicLog(epoch: 1, policy: HistoryPolicy(limit: 1))
        let incarnation = NodeIncarnation.lone
        let member = Member(
            client: ClientID(incarnation: incarnation, connection: ConnectionID(shard: 0, slot: 0, generation: 0)),
            id: "a",
            name: "a",
            dialect: .relay
        )
        for number in 0..<UInt64(TopicLog.minimumRecords) {
            let content: TopicBatch.Content =
                number.isMultiple(of: 2) ? .join(TopicJoin(member: member)) : .leave(member.client)
            _ = log.append(
                TopicBatch(
                    proposer: incarnation,
                    number: number + 1,
                    applied: log.position,
                    time: WallTime(milliseconds: 0),
                    content: content
                )
            )
        }
        #expect(log.records(after: StreamPosition(epoch: 1, offset: 0))?.count == TopicLog.minimumRecords)
        _ = log.append(
            TopicBatch(
                proposer: incarnation,
                number: 1000,
                applied: log.position,
                time: WallTime(milliseconds: 0),
                content: .join(TopicJoin(member: member))
            )
        )
        #expect(log.records(after: StreamPosition(epoch: 1, offset: 0)) == nil)
        #expect(log.records(after: StreamPosition(epoch: 1, offset: 1))?.count == TopicLog.minimumRecords)
        #expect(log.reap(incarnation).map(\.change) == [.left(member.client)])
        #expect(log.reap(incarnation).isEmpty)
    }
}
