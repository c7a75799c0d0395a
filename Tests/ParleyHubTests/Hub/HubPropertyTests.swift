import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct HubPropertyTests {
    @Test(
        "Every subscriber receives exactly what was published between its join and its leave, in one order",
        arguments: 0..<80 as Range<UInt64>
    )
    func deliveries(seed: UInt64) throws {
        let scenario = Scenario(seed: seed)
        let witnesses = Self.witnesses(of: scenario)
        for _ in 0..<150 {
            scenario.step()
            Self.checkPresent(scenario, witnesses)
        }
        scenario.node.settle()
        Self.checkPresent(scenario, witnesses)

        for topic in Scenario.topics {
            let heard = witnesses.map { Scenario.heard($0, of: topic) }
            // The last witness has heard the least of the witnesses' own joins.
            let order = Array(try #require(heard.last).dropFirst())
            #expect(heard.allSatisfy { Array($0.suffix(order.count)) == order }, "\(scenario)")
            Self.check(order, in: topic, against: scenario)
            Self.checkPast(scenario.gone + scenario.clients, of: topic, order, scenario)
            let members = scenario.node.members(of: topic).filter { !$0.hasPrefix("\(topic)/w") }
            #expect(members == Self.presence(after: order), "\(scenario)")
            #expect(Set(members) == Set(scenario.clients.compactMap { $0.sessions[topic]?.id }), "\(scenario)")
        }
        Self.checkEmpty(scenario, witnesses)
    }

    @Test("When all have gone, however they came and went, nothing is left behind", arguments: 0..<80 as Range<UInt64>)
    func nothingLeft(seed: UInt64) {
        let scenario = Scenario(seed: seed)
        for _ in 0..<150 { scenario.step() }
        scenario.node.settle()
        for topic in Scenario.topics {
            #expect(
                Set(scenario.node.members(of: topic)) == Set(scenario.clients.compactMap { $0.sessions[topic]?.id }),
                "\(scenario)"
            )
        }
        Self.checkEmpty(scenario, [])
    }

    /// One for each shard and format, in all topics, from the beginning to the end.
    private static func witnesses(of scenario: Scenario) -> [Scenario.Client] {
        var witnesses: [Scenario.Client] = []
        for shard in scenario.node.loops.indices {
            for format in 0...1 {
                let connection = scenario.node.connect(shard: shard, format: format)
                for topic in Scenario.topics { connection.join(topic, as: "\(topic)/w\(shard)\(format)") }
                scenario.node.settle()
                witnesses.append(.init(number: -1, format: format, shard: shard, connection: connection))
            }
        }
        return witnesses
    }

    /// Whoever is subscribed has heard what the witness of its shard and format has, at every moment.
    private static func checkPresent(_ scenario: Scenario, _ witnesses: [Scenario.Client]) {
        for client in scenario.clients {
            guard let witness = witnesses.first(where: { $0.shard == client.shard && $0.format == client.format })
            else { continue }
            for topic in Scenario.topics where client.sessions[topic]?.isJoined == true {
                let id = client.sessions[topic]?.id ?? ""
                guard let session = Scenario.sessions(of: client, in: topic).last, session.first == "joined:\(id)"
                else { continue }
                #expect(
                    session == Scenario.expected(Scenario.heard(witness, of: topic), fromJoinOf: session),
                    "\(scenario)"
                )
            }
        }
    }

    /// Whoever left has heard a part of it without gaps, and not its own leave.
    private static func checkPast(
        _ clients: [Scenario.Client],
        of topic: String,
        _ order: [String],
        _ scenario: Scenario
    ) {
        for client in clients {
            for session in Scenario.sessions(of: client, in: topic) {
                let expected = Scenario.expected(order, fromJoinOf: session)
                #expect(expected?.starts(with: session) == true, "\(client.number) heard \(session); \(scenario)")
                #expect(!session.contains { $0.hasPrefix("left:\(topic)/\(client.number).") }, "\(scenario)")
            }
        }
    }

    /// The home's order has each publication once, in the order of its publisher, while the publisher was there.
    private static func check(_ order: [String], in topic: String, against scenario: Scenario) {
        let publications = order.filter { !$0.hasPrefix("joined:") && !$0.hasPrefix("left:") }
        let published = scenario.published[topic] ?? []
        #expect(publications.sorted() == published.sorted(), "\(scenario)")
        let publishers = Set(published.map { $0.prefix { $0 != ":" } }).filter { !$0.hasSuffix("outside") }
        for publisher in publishers {
            let own = published.filter { $0.hasPrefix("\(publisher):") }
            #expect(publications.filter { $0.hasPrefix("\(publisher):") } == own, "\(scenario)")
            let join = order.firstIndex(of: "joined:\(publisher)") ?? .max
            let leave = order.firstIndex(of: "left:\(publisher)") ?? .max
            let places = own.compactMap { order.firstIndex(of: $0) }
            #expect(places.allSatisfy { join < $0 && $0 < leave }, "\(scenario)")
        }
    }

    private static func presence(after order: [String]) -> [String] {
        var present: [String] = []
        for line in order {
            if line.hasPrefix("joined:") { present.append(String(line.dropFirst("joined:".count))) }
            if line.hasPrefix("left:") { present.removeAll { $0 == line.dropFirst("left:".count) } }
        }
        return present
    }

    private static func checkEmpty(_ scenario: Scenario, _ witnesses: [Scenario.Client]) {
        for client in scenario.clients { scenario.disconnect(client) }
        for witness in witnesses { witness.connection.close() }
        scenario.node.settle()
        #expect(scenario.node.leftovers == [], "\(scenario)")
        #expect(scenario.node.metrics.subscriptions == 0, "\(scenario)")
        #expect(scenario.node.metrics.topics == 0, "\(scenario)")
        #expect(scenario.node.metrics.connections.values.allSatisfy { $0 == 0 }, "\(scenario)")
    }
}
