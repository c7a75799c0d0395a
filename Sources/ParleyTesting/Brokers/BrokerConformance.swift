internal import NIOCore
public import ParleyHub
public import ParleyModel
internal import Synchronization

/// What every ``Broker`` must do: run each scenario against one that has no topics.
public enum BrokerConformance {
    /// How a scenario gets at the broker: each node has its own way to it.
    public struct Medium: Sendable {
        let connect: @Sendable (NodeIncarnation) -> any Broker

        /// - Parameter connect: Its topics are to retain what ``BrokerConformance/policy(of:)`` says.
        public init(connect: @escaping @Sendable (NodeIncarnation) -> any Broker) {
            self.connect = connect
        }
    }

    /// Space 0 keeps the last three publications, space 1 takes two and no more, all others keep none.
    @Sendable public static func policy(of topic: TopicKey) -> HistoryPolicy {
        switch topic.space.rawValue {
        case 0: HistoryPolicy(limit: 3)
        case 1: HistoryPolicy(limit: 2, whenFull: .refuse)
        default: HistoryPolicy()
        }
    }

    public static let scenarios: [ConformanceScenario<Medium>] = [
        .init("A topic begins empty, in an epoch, and everybody sees the same state") { medium in
            let (one, two) = (BrokerUser(medium, 1), BrokerUser(medium, 2))
            let state = try await one.state("r")
            try expect(state, TopicState(position: StreamPosition(epoch: state.position.epoch, offset: 0)), "the state")
            let answer = try await one.append("r", .join(TopicJoin(member: Sample.member("a"))))
            let position = StreamPosition(epoch: state.position.epoch, offset: 1)
            try expect(answer, .accepted(through: position, accepted: 1), "the answer")
            let present = PresentMember(member: Sample.member("a"), holdsName: false)
            try expect(
                try await one.state("r"),
                TopicState(position: position, members: [present], lastNumber: 1),
                "its state"
            )
            try expect(
                try await two.state("r"),
                TopicState(position: position, members: [present]),
                "the other's state"
            )
            try expect(try await two.tail("r"), position, "the tail")
        },
        .init("Who listens is told every record once and in order, whoever wrote it") { medium in
            let users = [BrokerUser(medium, 1), BrokerUser(medium, 2)]
            for user in users {
                try await user.subscribe("r")
                _ = try await user.state("r")
            }
            for (index, user) in users.enumerated() {
                let member = Sample.member("m\(index)", on: UInt32(index + 1))
                _ = try await user.append("r", .join(TopicJoin(member: member)))
            }
            _ = try await users[0].say("r", ["1", "2"])
            _ = try await users[1].say("r", ["3"])
            let records = try await users[0].heard("r", through: 5)
            try expect(records.map(\.position.offset), [1, 2, 4, 5], "the offsets")
            try expect(try await users[1].heard("r", through: 5), records, "what the other heard")
            try expect(records.map(\.origin?.number), [1, 1, 2, 2], "the numbers")
            let position = StreamPosition(epoch: records[0].position.epoch, offset: 0)
            try expect(try await users[1].records("r", after: position), records, "what is kept")
        },
        .init("A number that was used is answered as the first time, and written no second time") { medium in
            let user = BrokerUser(medium, 1)
            _ = try await user.state("r")
            let join = try await user.append("r", .join(TopicJoin(member: Sample.member("a"))))
            let answer = try await user.say("r", ["1", "2"])
            try expect(try await user.repeatLast("r"), answer, "the answer to the same batch")
            try expect(try await user.tail("r").offset, 3, "the place of the log")
            try expect(answer == join, false, "one answer for two batches")
        },
        .init("Names are one member's: a second is refused, or takes the place") { medium in
            let (one, two) = (BrokerUser(medium, 1), BrokerUser(medium, 2))
            for user in [one, two] { _ = try await user.state("r") }
            let (a, b) = (Sample.member("x", on: 1), Sample.member("x", on: 2))
            _ = try await one.append("r", .join(TopicJoin(member: a, uniqueness: .reject)))
            try expect(
                try await two.append("r", .join(TopicJoin(member: b, uniqueness: .reject))),
                .refused(.duplicateUser),
                "the answer to a name in use"
            )
            _ = try await two.append("r", .join(TopicJoin(member: b, uniqueness: .replace)))
            let state = try await two.state("r")
            try expect(state.members, [PresentMember(member: b, holdsName: true)], "the members")
            try expect(try await one.sayUnchecked("r", ["late"]), .behind(state.position), "what the replaced one says")
            _ = try await one.state("r")
            try expect(
                try await one.say("r", ["late"]),
                .accepted(through: state.position, accepted: 0),
                "what it says when its node knows"
            )
        },
        .init("A topic holds as many members of a dialect as a join says") { medium in
            let user = BrokerUser(medium, 1)
            _ = try await user.state("r")
            let answers = try await user.appendAll(
                "r",
                (0..<3).map { .join(TopicJoin(member: Sample.member("\($0)", slot: $0), maximumMembers: 2)) }
            )
            try expect(answers.last, .refused(.roomFull), "the third answer")
            try expect(try await user.state("r").members.count, 2, "the number of members")
        },
        .init("What a topic retains is what its policy says; a full one that refuses says so") { medium in
            let user = BrokerUser(medium, 1)
            for (space, kept, accepted) in [(0, ["3", "4", "5"], 31), (1, ["1", "2"], 3), (2, [], 31)]
                as [(UInt16, [String], UInt64)]
            {
                _ = try await user.state("r", space: space)
                _ = try await user.append("r", .join(TopicJoin(member: Sample.member("a"))), space: space)
                let answer = try await user.say("r", ["1", "2", "3", "4", "5"], space: space)
                let state = try await user.state("r", space: space)
                try expect(
                    answer,
                    .accepted(through: state.position, accepted: accepted),
                    "the answer in space \(space)"
                )
                try expect(state.publications.map(\.payload), kept.map(Sample.text), "the history in space \(space)")
            }
        },
        .init("A leave is one record, and a second is none") { medium in
            let user = BrokerUser(medium, 1)
            _ = try await user.state("r")
            for name in ["a", "b"] {
                let member = Sample.member(name, slot: name == "a" ? 0 : 1)
                _ = try await user.append("r", .join(TopicJoin(member: member)))
            }
            let client = Sample.member("a").client
            let answers = try await user.appendAll("r", [.leave(client), .leave(client)])
            let position = try await user.tail("r")
            try expect(
                answers,
                [.accepted(through: position, accepted: 1), .accepted(through: position, accepted: 0)],
                "the answers"
            )
            try expect(position.offset, 3, "the place of the log")
        },
        .init("What is behind a place of another log, or beyond this one, is not there") { medium in
            let user = BrokerUser(medium, 1)
            _ = try await user.state("r")
            _ = try await user.append("r", .join(TopicJoin(member: Sample.member("a"))))
            let tail = try await user.tail("r")
            try expect(try await user.records("r", after: tail), [], "the records behind the last")
            let foreign = StreamPosition(epoch: tail.epoch &+ 1, offset: 0)
            try expect(try await user.records("r", after: foreign), nil, "the records of another log")
            let beyond = StreamPosition(epoch: tail.epoch, offset: tail.offset + 1)
            try expect(try await user.records("r", after: beyond), nil, "the records beyond the end")
        },
        .init("A proposer that knows another log is told so, and may use its number again") { medium in
            let user = BrokerUser(medium, 1)
            _ = try await user.state("r")
            try expect(
                try await user.append("r", .join(TopicJoin(member: Sample.member("a"))), epoch: 12345),
                .otherEpoch,
                "the answer"
            )
            try expect(try await user.tail("r").offset, 0, "the place of the log")
        },
        .init("Who does not listen any more is told nothing") { medium in
            let user = BrokerUser(medium, 1)
            try await user.subscribe("r")
            _ = try await user.state("r")
            _ = try await user.append("r", .join(TopicJoin(member: Sample.member("a"))))
            _ = try await user.heard("r", through: 1)
            user.broker.unsubscribe(from: Sample.topic("r"))
            user.broker.unsubscribe(from: Sample.topic("r"))
            _ = try await user.say("r", ["1"])
            try expect(try await user.tail("r").offset, 2, "the place of the log")
            try expect(try await user.heard("r", through: 1).count, 1, "the number of records heard")
        },
    ]
}
