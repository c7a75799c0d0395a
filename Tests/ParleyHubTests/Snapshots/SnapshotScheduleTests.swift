import Testing

@testable import ParleyHub

@Suite struct SnapshotScheduleTests {
    /// What happens to a topic whose offset is 10.
    enum Step {
        case join, leave, say, told, endTick
        case discard(UInt64)
    }

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
        let answers: [String]
    }

    static let cases = [
        Case(testDescription: "one event", steps: [.say], answers: ["at end of tick"]),
        Case(
            testDescription: "many events of a tick are told once",
            steps: [.join, .say, .say, .leave, .join],
            answers: ["at end of tick", "-", "-", "-", "-"]
        ),
        Case(
            testDescription: "after it was told the next event asks anew",
            steps: [.say, .told, .told, .say, .say],
            answers: ["at end of tick", "", "", "at end of tick", "-"]
        ),
        Case(
            testDescription: "what was there before may go",
            steps: [.say, .discard(10), .say, .discard(10)],
            answers: ["at end of tick", "-", "-", "-"]
        ),
        Case(
            testDescription: "what nobody has seen may not go before it is told",
            steps: [.say, .say, .discard(11), .told, .discard(12), .say, .discard(12), .discard(13)],
            answers: ["at end of tick", "-", "tell first", "", "-", "at end of tick", "-", "tell first"]
        ),
        Case(
            testDescription: "what was said after somebody came has not been seen, either",
            steps: [.join, .discard(10), .say, .discard(10), .discard(12)],
            answers: ["at end of tick", "-", "-", "-", "tell first"]
        ),
        Case(
            testDescription: "a leave alone shows no message",
            steps: [.leave, .discard(9), .discard(10)],
            answers: ["at end of tick", "-", "-"]
        ),
        Case(testDescription: "with nothing to tell anything may go", steps: [.discard(1000)], answers: ["-"]),
    ]

    @Test("In a busy topic a snapshot is told once a tick, and before anything unseen is gone", arguments: Self.cases)
    func busy(example: Case) {
        Self.check(example, budget: 99)
    }

    /// Each snapshot has 100 bytes.
    static let budgets = [
        Case(
            testDescription: "each event by itself",
            steps: [.join, .told, .say, .told, .leave],
            answers: ["now", "", "now", "", "now"]
        ),
        Case(
            testDescription: "the fourth of a tick is one too many, and whatever follows it is told with it",
            steps: [.say, .told, .say, .told, .say, .told, .say, .say, .join],
            answers: ["now", "", "now", "", "now", "", "at end of tick", "-", "-"]
        ),
        Case(
            testDescription: "the next tick begins anew",
            steps: [.say, .told, .say, .told, .say, .told, .say, .told, .endTick, .say],
            answers: ["now", "", "now", "", "now", "", "at end of tick", "", "", "now"]
        ),
    ]

    @Test("In a quiet topic each event has its snapshot", arguments: Self.budgets)
    func quiet(example: Case) {
        Self.check(example, budget: 300, lastBytes: 0)
    }

    @Test("The end of a tick is asked for once")
    func tick() {
        var schedule = SnapshotSchedule()
        for _ in 1...2 {
            let answers = [schedule.beginTick(), schedule.beginTick(), schedule.beginTick()]
            #expect(answers == [true, false, false])
            schedule.endTick()
        }
    }

    private static func check(_ example: Case, budget: Int, lastBytes: Int = 100) {
        var schedule = SnapshotSchedule()
        schedule.told(bytes: lastBytes)
        schedule.endTick()
        var offset: UInt64 = 10
        var answers: [String] = []
        for step in example.steps {
            switch step {
            case .join, .leave, .say:
                offset += 1
                answers.append(Self.name(schedule.happened(at: offset, budget: budget)))
            case .discard(let last): answers.append(schedule.discards(upTo: last) == .tellFirst ? "tell first" : "-")
            case .told:
                schedule.told(bytes: 100)
                #expect(!schedule.isDue)
                answers.append("")
            case .endTick:
                schedule.endTick()
                answers.append("")
            }
        }
        #expect(answers == example.answers)
    }

    private static func name(_ action: SnapshotSchedule.EventAction) -> String {
        switch action {
        case .tellNow: "now"
        case .tellAtEndOfTick: "at end of tick"
        case .none: "-"
        }
    }
}
