import NIOCore
import ParleyDialects
import ParleyHub
import ParleyModel
import Testing

@testable import ParleyTransport

/// A dialect that does what a message says: `join x`, `publish`, `reply`, `close`, and anything else is dropped.
private struct ObedientDialect: Dialect {
    var first: String?
    var acknowledgesPublications = true

    mutating func opened(_ context: inout DialectContext) -> OpenAction {
        self.first.map { .join(Self.request($0)) } ?? .none
    }

    mutating func received(_ kind: MessageKind, _ message: ByteBuffer, _ context: inout DialectContext) -> ReceiveAction
    {
        let words = String(buffer: message).split(separator: " ").map(String.init)
        switch words[0] {
        case "join": return .join(Self.request(words[1]))
        case "publish": return .publish(.text(message), includingSender: true)
        case "reply": return .reply(kind, message)
        case "close": return .close(.normal)
        default: return .drop
        }
    }

    mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction { .reply(.text, ByteBuffer(string: "joined")) }
    mutating func publishCompleted() -> PublishedAction { .reply(.text, ByteBuffer(string: "published")) }

    private static func request(_ topic: String) -> JoinRequest {
        JoinRequest(topic: TopicName(topic), memberID: "me", memberName: "me")
    }
}

@Suite struct DialectMachineTests {
    /// What happens to a connection.
    enum Event: Sendable {
        case opens
        case says(String)
        case joined(String)
        case refused(String)
        case published
        case leaves
    }

    typealias Line = (Event, [String])

    struct Conversation: CustomTestStringConvertible {
        let testDescription: String
        var first: String?
        var acknowledges = true
        let lines: [Line]

        init(_ name: String, first: String? = nil, acknowledges: Bool = true, _ lines: [Line]) {
            self.testDescription = name
            self.first = first
            self.acknowledges = acknowledges
            self.lines = lines
        }
    }

    private static let conversations: [Conversation] = [
        Conversation(
            "messages that are no business of the hub",
            [
                (.opens, ["answer"]), (.says("reply"), ["reply"]), (.says("what"), ["drop"]),
                (.says("close"), ["close 1000"]),
            ]
        ),
        Conversation(
            "a dialect that joins first",
            first: "a",
            [(.opens, ["join a"]), (.joined("a"), ["joined"]), (.says("publish"), ["publish to a"])]
        ),
        Conversation(
            "a publication before any topic: nobody hears it, and nothing waits for it",
            [(.opens, ["answer"]), (.says("publish"), ["nothing"]), (.says("join a"), ["join a"])]
        ),
        Conversation(
            "a publication after a join that was refused",
            [
                (.opens, ["answer"]),
                (.says("join a"), ["join a"]),
                (.refused("a"), ["joined"]),
                (.says("publish"), ["nothing"]),
            ]
        ),
        Conversation(
            "a move: the old topic is left first",
            first: "a",
            [
                (.opens, ["join a"]),
                (.joined("a"), ["joined"]),
                (.says("join b"), ["leave a", "join b"]),
                (.joined("b"), ["joined"]),
                (.says("publish"), ["publish to b"]),
            ]
        ),
        Conversation(
            "a move that is refused leaves the connection in no topic",
            first: "a",
            [
                (.opens, ["join a"]),
                (.joined("a"), ["joined"]),
                (.says("join b"), ["leave a", "join b"]),
                (.refused("b"), ["joined"]),
                (.says("publish"), ["nothing"]),
            ]
        ),
        Conversation(
            "a move waits for all that was published",
            first: "a",
            [
                (.opens, ["join a"]),
                (.joined("a"), ["joined"]),
                (.says("publish"), ["publish to a"]),
                (.says("publish"), ["publish to a"]),
                (.says("join b"), ["hold"]),
                (.published, ["published"]),
                (.published, ["published", "leave a", "join b"]),
                (.joined("b"), ["joined"]),
            ]
        ),
        Conversation(
            "without acknowledgements a move waits for nothing",
            first: "a",
            acknowledges: false,
            [
                (.opens, ["join a"]),
                (.joined("a"), ["joined"]),
                (.says("publish"), ["publish to a"]),
                (.says("join b"), ["leave a", "join b"]),
            ]
        ),
        Conversation(
            "it leaves while it joins: the answer is nobody's",
            [(.opens, ["answer"]), (.says("join a"), ["join a"]), (.leaves, []), (.joined("a"), ["nobody waits"])]
        ),
        Conversation(
            "it leaves while a move waits",
            first: "a",
            [
                (.opens, ["join a"]),
                (.joined("a"), ["joined"]),
                (.says("publish"), ["publish to a"]),
                (.says("join b"), ["hold"]),
                (.leaves, []),
                (.published, ["published"]),
                (.says("publish"), ["nothing"]),
            ]
        ),
        Conversation("an answer that nobody asked for", [(.opens, ["answer"]), (.joined("a"), ["nobody waits"])]),
    ]

    @Test(
        "A connection is in one topic at a time, and moves when what it said has come round",
        arguments: conversations
    )
    func conversation(_ conversation: Conversation) {
        var machine = DialectMachine(
            ObedientDialect(first: conversation.first, acknowledgesPublications: conversation.acknowledges)
        )
        var context = DialectContext(now: .uptimeNanoseconds(0), random: SystemRandomNumberGenerator())
        for (number, line) in conversation.lines.enumerated() {
            let said = Self.tell(&machine, line.0, &context)
            #expect(said == line.1, "line \(number + 1): \(line.0)")
        }
    }

    private static func tell(
        _ machine: inout DialectMachine,
        _ event: Event,
        _ context: inout DialectContext
    ) -> [String] {
        switch event {
        case .opens:
            return machine.opened(&context).map(self.words) ?? ["answer"]
        case .says(let text):
            return self.words(machine.received(.text, ByteBuffer(string: text), &context))
        case .joined(let topic):
            return self.words(machine.joinCompleted(self.key(topic), .joined))
        case .refused(let topic):
            return self.words(machine.joinCompleted(self.key(topic), .refused(.roomFull)))
        case .published:
            guard case .reply(_, let text) = machine.publishCompleted() else { return ["nothing"] }
            return [String(buffer: text)] + (machine.nextMove().map(self.words) ?? [])
        case .leaves:
            machine.left()
            return []
        }
    }

    private static func key(_ topic: String) -> TopicKey {
        TopicKey(space: SpaceID(rawValue: 0), name: TopicName(topic))
    }

    private static func words(_ move: DialectMachine.Move) -> [String] {
        (move.leaving.map { ["leave \($0.name.value)"] } ?? []) + ["join \(move.request.topic.value)"]
    }

    private static func words(_ action: JoinedAction?) -> [String] {
        switch action {
        case nil: ["nobody waits"]
        case .some(.none): ["nothing"]
        case .reply(_, let text): [String(buffer: text)]
        case .close(let reason): ["close \(reason.code)"]
        }
    }

    private static func words(_ step: DialectMachine.Step) -> [String] {
        switch step {
        case .nothing: ["nothing"]
        case .drop: ["drop"]
        case .reply(_, let text): [String(buffer: text)]
        case .publish(_, let topic, _): ["publish to \(topic.name.value)"]
        case .move(let move): self.words(move)
        case .hold: ["hold"]
        case .close(let reason): ["close \(reason.code)"]
        }
    }
}
