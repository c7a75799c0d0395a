import ParleyModel
import SocketIO
import Synchronization
import Testing

@testable import ParleySocketIO

@Suite("Questions that every shard answers")
struct OpenQuestionsTests {
    private static func connection(_ slot: UInt32) -> ConnectionID {
        ConnectionID(shard: 0, slot: slot, generation: 0)
    }

    private static func request(_ number: UInt64) -> AcknowledgementRequest {
        AcknowledgementRequest(number: number, asker: 0, namespace: "/", id: 5)
    }

    /// What became of a question.
    private final class Outcomes: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { self.lines.withLock { $0 } }

        func note(_ outcome: OpenQuestions.Outcome) {
            let line =
                switch outcome {
                case .complete(let answers): "complete \(answers.count) \(answers.responses.map(\.string))"
                case .timedOut(let answers): "timed out \(answers.count) \(answers.responses.map(\.string))"
                }
            self.lines.withLock { $0.append(line) }
        }
    }

    @Test("A question is answered when every shard has answered")
    func shards() {
        let (questions, outcomes) = (OpenQuestions(), Outcomes())
        let number = questions.open(shards: 3) { outcomes.note($0) }
        for count in 1...2 {
            #expect(questions.receive(.count(count, number: number)))
            #expect(outcomes.all == [])
        }
        #expect(questions.receive(.count(4, number: number)))
        #expect(outcomes.all == ["complete 7 []"])
        #expect(!questions.receive(.count(1, number: number)))
        questions.timeOut(number)
        #expect(outcomes.all.count == 1)
    }

    @Test("A broadcast is acknowledged when all whom it reached have answered, each once and nobody else")
    func acknowledgements() {
        let (questions, outcomes) = (OpenQuestions(), Outcomes())
        let number = questions.open(shards: 2) { outcomes.note($0) }
        func answer(_ slot: UInt32, _ text: String) {
            questions.receive(.acknowledged(.string(text), by: Self.connection(slot), number: number))
        }
        questions.receive(.reached([Self.connection(1), Self.connection(2)], Self.request(number)))
        answer(1, "one")
        answer(1, "again")
        answer(3, "too early")
        questions.receive(.reached([Self.connection(3)], Self.request(number)))
        answer(3, "three")
        #expect(outcomes.all == [])
        answer(2, "two")
        #expect(outcomes.all == [#"complete 0 [Optional("one"), Optional("three"), Optional("two")]"#])
    }

    @Test("Where nobody is, nobody is waited for")
    func nobody() {
        let (questions, outcomes) = (OpenQuestions(), Outcomes())
        let number = questions.open(shards: 2) { outcomes.note($0) }
        for _ in 0..<2 { questions.receive(.reached([], Self.request(number))) }
        #expect(outcomes.all == ["complete 0 []"])
    }

    @Test("When time is up, what has come is told, and nothing is waited for any more")
    func timeOut() {
        let (questions, outcomes) = (OpenQuestions(), Outcomes())
        let number = questions.open(shards: 1) { outcomes.note($0) }
        questions.receive(.reached([Self.connection(1), Self.connection(2)], Self.request(number)))
        questions.receive(.acknowledged(.string("one"), by: Self.connection(1), number: number))
        questions.timeOut(number)
        #expect(outcomes.all == [#"timed out 0 [Optional("one")]"#])
        #expect(!questions.receive(.acknowledged(.string("two"), by: Self.connection(2), number: number)))
    }
}
