import NIOCore
import ParleyHub
import ParleyModel
import Testing
import WebSocketProtocol

@testable import ParleyTransport

/// Conversations with a machine: what happens, and what it says to that.
@Suite struct WebSocketConnectionMachineTests {
    typealias Line = (MachineScript.Event, [String])

    struct Conversation: CustomTestStringConvertible {
        let testDescription: String
        let lines: [Line]

        init(_ name: String, _ lines: [Line]) {
            self.testDescription = name
            self.lines = lines
        }
    }

    private static func check(_ script: MachineScript, _ conversation: Conversation) {
        var script = script
        for (number, line) in conversation.lines.enumerated() {
            let said = script.tell(line.0)
            #expect(said == line.1, "line \(number + 1): \(line.0)")
        }
    }

    // MARK: Messages

    private static let (head, tail) = ClientFrame.text("hello").cut(at: 8)

    private static let messages: [Conversation] = [
        Conversation(
            "frames in one read",
            [
                (
                    .reads(ClientFrame.text("a"), ClientFrame.ping("b"), ClientFrame.binary(3)),
                    ["text a", "pong b", "binary 3", "done"]
                )
            ]
        ),
        Conversation(
            "a frame in two reads",
            [(.reads(head), ["unfinished"]), (.reads(tail), ["text hello", "done"])]
        ),
        Conversation(
            "a pong, which nobody asked for",
            [(.reads(ClientFrame.pong(), ClientFrame.text("a")), ["text a", "done"])]
        ),
        Conversation(
            "what comes behind a message that has to be decided about",
            [
                (.reads(ClientFrame.text("join"), ClientFrame.text("a")), ["text join", "hold"]),
                (.reads(ClientFrame.text("b")), ["wait"]),
                (.turnComes, ["nothing"]),
                (.releases, ["text a", "text b", "done"]),
                (.reads(ClientFrame.text("c")), ["text c", "done"]),
            ]
        ),
        Conversation(
            "a frame right behind the handshake, while the join goes on",
            [
                (.holds, []),
                (.reads(ClientFrame.text("early")), ["hold"]),
                (.releases, ["text early", "done"]),
            ]
        ),
        Conversation(
            "nothing came while it was held",
            [(.holds, []), (.releases, ["nothing"]), (.reads(ClientFrame.text("a")), ["text a", "done"])]
        ),
    ]

    @Test("Messages are delivered in their order, and wait while something is decided", arguments: messages)
    func message(_ conversation: Conversation) {
        Self.check(MachineScript(), conversation)
    }

    // MARK: Goodbyes

    private static let goodbyes: [Conversation] = [
        Conversation(
            "the peer closes with a code",
            [
                (.reads(ClientFrame.close(1001)), ["leave: peerClosed", "answer close 1001", "watch writes", "done"]),
                (.allWritten, ["end transport"]),
            ]
        ),
        Conversation(
            "the peer closes without a code",
            [(.reads(ClientFrame.close(nil)), ["leave: peerClosed", "answer close -", "watch writes", "done"])]
        ),
        Conversation(
            "the peer says more behind its close frame",
            [
                (
                    .reads(ClientFrame.close(1000), ClientFrame.text("late")),
                    ["leave: peerClosed", "answer close 1000", "watch writes", "done"]
                ),
                (.reads(ClientFrame.text("later")), ["done"]),
            ]
        ),
        Conversation(
            "the peer closes and takes nothing any more",
            [
                (.reads(ClientFrame.close(1000)), ["leave: peerClosed", "answer close 1000", "watch writes", "done"]),
                (.timePasses(.milliseconds(4999)), ["nothing"]),
                (.timePasses(.milliseconds(1)), ["end transport"]),
            ]
        ),
        Conversation(
            "we close, and the peer answers",
            [
                (.closes, ["goodbye"]),
                (.allWritten, ["nothing"]),
                (
                    .reads(ClientFrame.text("late"), ClientFrame.ping(), ClientFrame.close(1000)),
                    ["end when written", "done"]
                ),
                (.allWritten, ["end transport"]),
            ]
        ),
        Conversation(
            "we close, and the peer never answers",
            [
                (.closes, ["goodbye"]),
                (.reads(ClientFrame.text("still here")), ["done"]),
                (.timePasses(.milliseconds(4999)), ["nothing"]),
                (.timePasses(.milliseconds(1)), ["end transport"]),
            ]
        ),
        Conversation(
            "we close, and the peer breaks a rule instead of answering",
            [(.closes, ["goodbye"]), (.reads(ClientFrame.unmasked), ["end when written", "done"])]
        ),
        Conversation(
            "both close at once",
            [
                (.closes, ["goodbye"]),
                (.reads(ClientFrame.close(1001)), ["end when written", "done"]),
                (.closes, ["nothing"]),
            ]
        ),
        Conversation("we close twice", [(.closes, ["goodbye"]), (.closes, ["nothing"])]),
        Conversation(
            "we close after the peer has",
            [
                (.reads(ClientFrame.close(1000)), ["leave: peerClosed", "answer close 1000", "watch writes", "done"]),
                (.closes, ["nothing"]),
            ]
        ),
        Conversation(
            "a message makes us close: nothing behind it is heard",
            [
                (
                    .reads(ClientFrame.text("kick"), ClientFrame.text("a"), ClientFrame.ping()),
                    ["text kick", "goodbye", "done"]
                )
            ]
        ),
        Conversation(
            "we close while something is decided: what was held is dropped",
            [
                (.holds, []),
                (.reads(ClientFrame.text("a")), ["hold"]),
                (.closes, ["goodbye"]),
                (.releases, ["done"]),
                (.reads(ClientFrame.close(1000)), ["end when written", "done"]),
            ]
        ),
        Conversation(
            "the peer breaks a rule: it is told so, and our side is shut behind that",
            [
                (
                    .reads(ClientFrame.unmasked, ClientFrame.text("a")),
                    ["leave: failed", "fail 1002 not_masked", "watch writes", "done"]
                ),
                (.allWritten, ["shut output"]),
                (.allWritten, ["nothing"]),
                (.reads(ClientFrame.close(1000)), ["done"]),
                (.timePasses(.seconds(5)), ["end transport"]),
            ]
        ),
        Conversation(
            "the peer ends its side of the transport",
            [
                (.reads(ClientFrame.text("a")), ["text a", "done"]),
                (.peerEndsItsSide, ["end transport"]),
            ]
        ),
        Conversation(
            "the peer ends its side while something is decided: what it said before counts",
            [
                (.holds, []),
                (.reads(ClientFrame.text("last")), ["hold"]),
                (.peerEndsItsSide, ["nothing"]),
                (.releases, ["text last", "done", "end transport"]),
            ]
        ),
        Conversation(
            "the transport ends: nothing is to be done any more",
            [
                (.holds, []),
                (.reads(ClientFrame.text("a")), ["hold"]),
                (.transportEnds, []),
                (.releases, ["nothing"]),
                (.reads(ClientFrame.text("b")), ["done"]),
                (.closes, ["nothing"]),
                (.allWritten, ["nothing"]),
                (.timePasses(.hours(1)), ["nothing"]),
            ]
        ),
    ]

    @Test("Both sides say goodbye once, and the transport ends in any case", arguments: goodbyes)
    func goodbye(_ conversation: Conversation) {
        Self.check(MachineScript(), conversation)
    }

    @Test(
        "The hub writes to the socket by itself until the first goodbye",
        arguments: [
            ("open", [], true),
            ("holding", [.holds], true),
            ("behind", [.falls(behindBy: 10)], false),
            ("caught up", [.falls(behindBy: 10), .socketTakes], true),
            ("we closed", [.closes], false),
            ("the peer closed", [.reads(ClientFrame.close(1000))], false),
            ("the peer broke a rule", [.reads(ClientFrame.unmasked)], false),
            ("gone", [.transportEnds], false),
        ] as [(String, [MachineScript.Event], Bool)]
    )
    func directWrites(_ name: String, _ events: [MachineScript.Event], _ expected: Bool) {
        var script = MachineScript()
        for event in events { _ = script.tell(event) }
        #expect(script.machine.writesDirectly == expected)
    }

    @Test("The handshake is answered once")
    func handshake() {
        var machine = MachineScript().machine
        #expect(machine.answerHandshake() == nil)
        machine.begin(answering: ByteBuffer(string: "101"))
        #expect(machine.answerHandshake() == ByteBuffer(string: "101"))
        #expect(machine.answerHandshake() == nil)
    }

    // MARK: Turns

    private static let turns: [Conversation] = [
        Conversation(
            "many messages",
            [
                (
                    .reads(ClientFrame.text("a"), ClientFrame.text("b"), ClientFrame.text("c")),
                    ["text a", "text b", "yield"]
                ),
                (.reads(ClientFrame.text("d")), ["wait"]),
                (.releases, ["nothing"]),
                (.turnComes, ["text c", "text d", "done"]),
                (.reads(ClientFrame.text("e")), ["text e", "done"]),
            ]
        ),
        Conversation(
            "a flood of pings",
            [
                (
                    .reads(ClientFrame.ping("1"), ClientFrame.ping("2"), ClientFrame.ping("3"), ClientFrame.ping("4")),
                    ["pong 1", "pong 2", "yield"]
                ),
                (.turnComes, ["pong 3", "pong 4", "done"]),
            ]
        ),
        Conversation(
            "a flood of pongs",
            [
                (.reads(ClientFrame.pong(), ClientFrame.pong(), ClientFrame.pong()), ["yield"]),
                (.turnComes, ["done"]),
            ]
        ),
        Conversation(
            "fragments without number",
            [
                (.reads(ClientFrame.fragments(41)), ["yield"]),
                (.turnComes, ["unfinished"]),
            ]
        ),
        Conversation(
            "a share that ends with the last message",
            [(.reads(ClientFrame.text("a"), ClientFrame.text("b")), ["text a", "text b", "done"])]
        ),
        Conversation(
            "it comes when the turn is full",
            [
                (.readsTooLate(ClientFrame.text("a")), ["wait for turn"]),
                (.readsTooLate(ClientFrame.text("b")), ["wait"]),
                (.releases, ["nothing"]),
                (.turnComes, ["text a", "text b", "done"]),
                (.turnComes, ["nothing"]),
            ]
        ),
        Conversation(
            "its turn comes while something is decided",
            [
                (
                    .reads(ClientFrame.text("a"), ClientFrame.text("join"), ClientFrame.text("b")),
                    ["text a", "text join", "yield"]
                ),
                (.turnComes, ["nothing"]),
                (.releases, ["text b", "done"]),
            ]
        ),
        Conversation(
            "we close while it waits for its turn",
            [
                (.readsTooLate(ClientFrame.text("a"), ClientFrame.close(1000)), ["wait for turn"]),
                (.closes, ["goodbye"]),
                (.turnComes, ["end when written", "done"]),
            ]
        ),
        Conversation(
            "the peer ends its side while it waits for its turn",
            [
                (.readsTooLate(ClientFrame.text("a")), ["wait for turn"]),
                (.peerEndsItsSide, ["nothing"]),
                (.turnComes, ["text a", "done", "end transport"]),
            ]
        ),
    ]

    @Test("Who has used up a share of two goes on when others have had theirs", arguments: turns)
    func turn(_ conversation: Conversation) {
        Self.check(MachineScript(share: ScriptedTurn(messages: 2)), conversation)
    }

    private static let compression = PerMessageDeflate(
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 15,
        clientMaxWindowBits: 15
    )

    @Test("A message counts as what it is when inflated: against a share, and against the limit")
    func inflation() {
        let limits = WebSocketLimits(maximumMessageBytes: 5000)
        let letters = String(repeating: "a", count: 4000)
        Self.check(
            MachineScript(limits: limits, compression: Self.compression, share: ScriptedTurn(bytes: 3000)),
            Conversation(
                "share",
                [
                    (.reads(ClientFrame.deflated(4000), ClientFrame.text("a")), ["text \(letters)", "yield"]),
                    (.turnComes, ["text a", "done"]),
                ]
            )
        )
        Self.check(
            MachineScript(limits: limits, compression: Self.compression),
            Conversation(
                "limit",
                [
                    (
                        .reads(ClientFrame.deflated(5001), ClientFrame.text("a")),
                        ["leave: failed", "fail 1009 message_too_big", "watch writes", "done"]
                    )
                ]
            )
        )
    }

    // MARK: Time

    private static func clock(_ name: String, _ clock: ClockPolicy, _ lines: [Line]) -> (ClockPolicy, Conversation) {
        (clock, Conversation(name, lines))
    }

    private static let times: [(ClockPolicy, Conversation)] = [
        clock(
            "pings, and a peer that answers none",
            .pinging(every: 30),
            [
                (.timePasses(.seconds(29)), ["nothing"]),
                (.timePasses(.seconds(1)), ["ping"]),
                (.timePasses(.seconds(30)), ["ping"]),
                (.timePasses(.seconds(30)), ["close: ping_timeout"]),
                (.closes, ["goodbye"]),
                (.timePasses(.seconds(5)), ["end transport"]),
            ]
        ),
        clock(
            "pings, and a peer that answers",
            .pinging(every: 30),
            [
                (.timePasses(.seconds(30)), ["ping"]),
                (.reads(ClientFrame.pong()), ["done"]),
                (.timePasses(.seconds(30)), ["ping"]),
                (.timePasses(.seconds(30)), ["ping"]),
                (.timePasses(.seconds(30)), ["close: ping_timeout"]),
            ]
        ),
        clock(
            "an idle connection",
            ClockPolicy(idleTimeout: 10),
            [
                (.timePasses(.seconds(9)), ["nothing"]),
                (.reads(ClientFrame.text("a")), ["text a", "done"]),
                (.timePasses(.seconds(9)), ["nothing"]),
                (.timePasses(.seconds(1)), ["close: timeout"]),
            ]
        ),
        clock(
            "a message that never ends",
            ClockPolicy(frameTimeout: 30),
            [
                (.reads(ClientFrame.binary(5000, fin: false).cut(at: 100).0), ["unfinished"]),
                (.timePasses(.seconds(29)), ["nothing"]),
                (.reads(ByteBuffer(bytes: [0])), ["unfinished"]),
                (.timePasses(.seconds(1)), ["close: unfinished_message"]),
            ]
        ),
        clock(
            "a message that comes slowly",
            ClockPolicy(frameTimeout: 30),
            [
                (.reads(ClientFrame.binary(5000, fin: false).cut(at: 100).0), ["unfinished"]),
                (.timePasses(.seconds(29)), ["nothing"]),
                (.reads(ByteBuffer(repeating: 0, count: 1024)), ["unfinished"]),
                (.timePasses(.seconds(29)), ["nothing"]),
                (.timePasses(.seconds(1)), ["close: unfinished_message"]),
            ]
        ),
        clock(
            "pings in the middle of a message are no progress of it",
            ClockPolicy(frameTimeout: 30),
            [
                (.reads(ClientFrame.text("a", fin: false)), ["unfinished"]),
                (.timePasses(.seconds(29)), ["nothing"]),
                (.reads(ClientFrame.ping("x")), ["pong x", "unfinished"]),
                (.timePasses(.seconds(1)), ["close: unfinished_message"]),
            ]
        ),
        clock(
            "a message that ends in time, and another that begins",
            ClockPolicy(frameTimeout: 30),
            [
                (.reads(ClientFrame.text("a", fin: false)), ["unfinished"]),
                (.timePasses(.seconds(29)), ["nothing"]),
                (
                    .reads(ClientFrame.continuation("b", fin: true), ClientFrame.text("c", fin: false)),
                    ["text ab", "unfinished"]
                ),
                (.timePasses(.seconds(29)), ["nothing"]),
                (.timePasses(.seconds(1)), ["close: unfinished_message"]),
            ]
        ),
        clock(
            "a control frame cut in two, which never ends",
            ClockPolicy(frameTimeout: 30),
            [
                (.reads(ClientFrame.ping("hello").cut(at: 7).0), ["unfinished"]),
                (.timePasses(.seconds(30)), ["close: unfinished_message"]),
            ]
        ),
        clock(
            "without a rule nothing is due",
            ClockPolicy(frameTimeout: nil),
            [
                (.reads(ClientFrame.text("a", fin: false)), ["unfinished"]),
                (.timePasses(.hours(24)), ["nothing"]),
            ]
        ),
    ]

    @Test("Silence, age and messages that never end have their time", arguments: times)
    func time(_ clock: ClockPolicy, _ conversation: Conversation) {
        Self.check(MachineScript(clock: clock), conversation)
    }

    @Test("A token that expires ends the connection")
    func expiry() {
        Self.check(
            MachineScript(tokenLasts: .seconds(7)),
            Conversation(
                "",
                [
                    (.timePasses(.milliseconds(6999)), ["nothing"]),
                    (.timePasses(.milliseconds(1)), ["close: token_expired"]),
                ]
            )
        )
    }

    @Test(
        "The next deadline is that of whatever comes first",
        arguments: [
            ("nothing is due", [], nil),
            ("a message has begun", [.reads(ClientFrame.text("a", fin: false))], .seconds(30)),
            (
                "a message has ended",
                [.reads(ClientFrame.text("a", fin: false), ClientFrame.continuation("", fin: true))], nil
            ),
            ("we closed", [.closes], .seconds(5)),
            ("the peer closed", [.reads(ClientFrame.close(1000)), .timePasses(.seconds(2))], .seconds(3)),
            ("more waits than may", [.falls(behindBy: 10), .queues(11)], .seconds(3)),
            ("gone", [.closes, .transportEnds], nil),
        ] as [(String, [MachineScript.Event], TimeAmount?)]
    )
    func nextDeadline(_ name: String, _ events: [MachineScript.Event], _ expected: TimeAmount?) {
        var script = MachineScript(slowConsumer: SlowConsumerPolicy(maximumBytes: 10, overrunTime: .seconds(3)))
        for event in events { _ = script.tell(event) }
        #expect(script.nextDeadline == expected)
    }

    // MARK: Slow readers

    private static func reader(
        _ name: String,
        _ policy: SlowConsumerPolicy,
        _ lines: [Line]
    ) -> (SlowConsumerPolicy, Conversation) {
        (policy, Conversation(name, lines))
    }

    private static let readers: [(SlowConsumerPolicy, Conversation)] = [
        reader(
            "it catches up",
            SlowConsumerPolicy(maximumBytes: 100),
            [
                (.falls(behindBy: 50), ["write 50"]),
                (.queues(40), ["wait"]),
                (.socketTakes, ["write 40"]),
                (.socketTakes, ["caught up"]),
            ]
        ),
        reader(
            "too much waits",
            SlowConsumerPolicy(maximumBytes: 100),
            [(.falls(behindBy: 50), ["write 50"]), (.queues(100), ["wait"]), (.queues(1), ["expel"])]
        ),
        reader(
            "too much waits for a connection that is being closed: it is not closed again",
            SlowConsumerPolicy(maximumBytes: 100),
            [(.falls(behindBy: 50), ["write 50"]), (.closes, ["goodbye"]), (.queues(101), ["wait"])]
        ),
        reader(
            "too much waits, but it may take its time",
            SlowConsumerPolicy(maximumBytes: 100, overrunTime: .seconds(3)),
            [
                (.falls(behindBy: 50), ["write 50"]),
                (.queues(101), ["wait"]),
                (.timePasses(.seconds(2)), ["nothing"]),
                (.timePasses(.seconds(1)), ["expel"]),
            ]
        ),
        reader(
            "only the newest waits",
            SlowConsumerPolicy(overflow: .keepLatest, maximumBytes: 100),
            [
                (.falls(behindBy: 50), ["write 50"]),
                (.queues(20), ["wait"]),
                (.queues(30), ["wait"]),
                (.socketTakes, ["write 30"]),
                (.socketTakes, ["caught up"]),
            ]
        ),
        reader(
            "what has not begun makes way for our close frame",
            SlowConsumerPolicy(maximumBytes: 100),
            [
                (.falls(behindBy: 50), ["write 50"]),
                (.queues(40), ["wait"]),
                (.closes, ["goodbye"]),
                (.queues(4), ["wait"]),
                (.socketTakes, ["write 4"]),
                (.socketTakes, ["caught up"]),
                (.allWritten, ["nothing"]),
            ]
        ),
        reader(
            "it answers our close frame before it has taken all",
            SlowConsumerPolicy(maximumBytes: 100),
            [
                (.falls(behindBy: 50), ["write 50"]),
                (.closes, ["goodbye"]),
                (.reads(ClientFrame.close(1000)), ["end when written", "done"]),
                (.socketTakes, ["caught up"]),
                (.allWritten, ["end transport"]),
            ]
        ),
    ]

    @Test("A reader that does not keep up loses messages, or its connection", arguments: readers)
    func slowReader(_ policy: SlowConsumerPolicy, _ conversation: Conversation) {
        Self.check(MachineScript(slowConsumer: policy), conversation)
    }
}
