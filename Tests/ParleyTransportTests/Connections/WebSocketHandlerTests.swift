import NIOCore
import ParleyHub
import ParleyModel
import Testing
import WebSocketProtocol

@testable import ParleyTransport

/// The handler on a channel and loops that a test drives by hand.
@Suite struct WebSocketHandlerTests {
    private static let answer = "HTTP/1.1 101"

    @Test("The handshake's answer goes out first, in one piece with what follows")
    func handshake() throws {
        try EmbeddedPeer.meet { peer in
            try peer.says(ClientFrame.text("a"), ClientFrame.ping("b"), ClientFrame.binary(70_000))
            #expect(peer.hears() == [Self.answer, "text a", "pong b", "binary 70000"])
            #expect(peer.metrics.receivedMessages == 2)
        }
    }

    @Test("A frame right behind the handshake waits for the join, and so does the answer")
    func earlyFrame() throws {
        try EmbeddedPeer.meet(.init(topic: "room", isHomeElsewhere: true)) { peer in
            try peer.says(ClientFrame.text("early"))
            #expect(peer.hears() == [])
            #expect(!peer.isRead)
            peer.homeRuns()
            #expect(peer.hears() == [Self.answer])
            #expect(peer.isRead)
            peer.homeRuns()
            #expect(peer.hears() == ["text early"])
        }
    }

    // MARK: Goodbyes

    @Test(
        "The peer closes: it is answered with its own code, and the transport ends behind that",
        arguments: [
            (1000, "close 1000 "), (1001, "close 1001 "), (4321, "close 4321 "), (nil, "close 0 "),
        ] as [(UInt16?, String)]
    )
    func peerCloses(_ code: UInt16?, _ answer: String) throws {
        try EmbeddedPeer.meet { peer in
            try peer.sends([ClientFrame.text("a"), ClientFrame.close(code), ClientFrame.text("late")])
            #expect(peer.isConnected)
            #expect(peer.hears() == [Self.answer, "text a", answer])
            #expect(!peer.isConnected)
            #expect(peer.limits.current == 0)
        }
    }

    @Test("We close: what comes before the peer's answer is not heard, and then the transport ends")
    func weClose() throws {
        try EmbeddedPeer.meet { peer in
            peer.handler.close(.goingAway)
            #expect(peer.hears() == [Self.answer, "close 1001 Going away"])
            try peer.says(ClientFrame.text("late"), ClientFrame.ping())
            #expect(peer.hears() == [])
            #expect(peer.isConnected)
            try peer.says(ClientFrame.close(1001))
            #expect(!peer.isConnected)
            #expect(peer.metrics.closes == ["timeout": 1])
        }
    }

    @Test("A peer that never answers our close frame has five seconds")
    func noAnswer() throws {
        try EmbeddedPeer.meet { peer in
            peer.handler.close(.normal)
            #expect(peer.hears() == [Self.answer, "close 1000 "])
            peer.passes(.milliseconds(4900))
            try peer.says(ClientFrame.ping("still here"))
            #expect(peer.isConnected)
            #expect(!peer.hasSeenTheEnd)
            peer.passes(.milliseconds(300))
            #expect(!peer.isConnected)
            #expect(peer.limits.current == 0)
        }
    }

    @Test("A peer that has closed and takes nothing has five seconds")
    func closedAndStuck() throws {
        try EmbeddedPeer.meet { peer in
            _ = peer.hears()
            peer.stopsReading()
            try peer.says(ClientFrame.close(1000))
            #expect(peer.isConnected)
            peer.passes(.milliseconds(5200))
            #expect(!peer.isConnected)
        }
    }

    @Test("A peer that breaks a rule is told which, and sees the end behind that")
    func brokenRule() throws {
        try EmbeddedPeer.meet { peer in
            try peer.says(ClientFrame.text("a"), ClientFrame.unmasked, ClientFrame.text("b"))
            let heard = peer.hears()
            #expect(
                heard == [
                    Self.answer, "text a", "close 1002 frames from a client must be masked, got one without a mask",
                ]
            )
            #expect(peer.hasSeenTheEnd)
            // It may still send: a reset would take our last words from it.
            #expect(peer.isConnected)
            peer.passes(.milliseconds(5200))
            #expect(!peer.isConnected)
            #expect(peer.metrics.closes == ["not_masked": 1])
        }
    }

    @Test("An inflated message beyond the limit is refused")
    func inflated() throws {
        let compression = PerMessageDeflate(
            serverNoContextTakeover: true,
            clientNoContextTakeover: true,
            serverMaxWindowBits: 15,
            clientMaxWindowBits: 15
        )
        let setup = EmbeddedPeer.Setup(
            limits: WebSocketLimits(maximumMessageBytes: 100_000),
            compression: compression
        )
        try EmbeddedPeer.meet(setup) { peer in
            try peer.says(ClientFrame.deflated(100_000))
            #expect(peer.hears() == [Self.answer, "text " + String(repeating: "a", count: 100_000)])
            try peer.says(ClientFrame.deflated(100_001))
            #expect(peer.hears() == ["close 1009 message exceeds the limit of 100000 bytes"])
            #expect(peer.hasSeenTheEnd)
        }
    }

    @Test("A peer that ends its side of the transport ends the connection, behind what it said")
    func halfClose() throws {
        try EmbeddedPeer.meet { peer in
            try peer.says(ClientFrame.text("a"))
            #expect(peer.hears() == [Self.answer, "text a"])
            peer.shutsItsSide()
            #expect(!peer.isConnected)
        }
    }

    @Test("A peer that ends its side while its words wait is heard to the end")
    func halfCloseWhileHeld() throws {
        try EmbeddedPeer.meet { peer in
            try peer.sends((1...600).map { _ in ClientFrame.text("a") })
            peer.shutsItsSide()
            #expect(peer.isConnected)
            peer.passes(.milliseconds(1))
            #expect(!peer.isConnected)
            #expect(peer.metrics.receivedMessages == 600)
        }
    }

    // MARK: Turns

    @Test(
        "Whoever floods is read no more until it is its turn again",
        arguments: [
            ("messages", ClientFrame.text("a"), "text a"),
            ("pings", ClientFrame.ping("b"), "pong b"),
        ]
    )
    func flood(_ name: String, _ frame: ByteBuffer, _ answer: String) throws {
        try EmbeddedPeer.meet { peer in
            _ = peer.hears()
            try peer.sends((1...1200).map { _ in frame })
            // A share is 512 messages, where no time passes.
            #expect(peer.hears().count == 512)
            #expect(!peer.isRead)
            peer.passes(.microseconds(100))
            #expect(peer.isRead)
            let heard = peer.hears()
            #expect(heard.count == 688 && heard.allSatisfy { $0 == answer })
            try peer.says(ClientFrame.text("c"))
            #expect(peer.hears() == ["text c"])
        }
    }

    @Test("What waits for a turn counts as memory, and no longer than it waits")
    func waitingInput() throws {
        try EmbeddedPeer.meet { peer in
            try peer.sends((1...1200).map { _ in ClientFrame.text("a") })
            #expect(peer.ledger.bytes(of: .input) > 0)
            peer.passes(.milliseconds(1))
            #expect(peer.ledger.totalBytes == 0)
        }
    }

    // MARK: Time

    @Test("A connection on which nobody says anything is closed after its idle time")
    func idle() throws {
        try EmbeddedPeer.meet(.init(clock: ClockPolicy(idleTimeout: 10))) { peer in
            peer.passes(.seconds(6))
            try peer.says(ClientFrame.text("a"))
            peer.passes(.seconds(9))
            #expect(peer.hears() == [Self.answer, "text a"])
            peer.passes(.seconds(2))
            #expect(peer.hears() == ["close 1001 Going away"])
        }
    }

    @Test("A peer that leaves two pings unanswered is dropped")
    func pings() throws {
        try EmbeddedPeer.meet(.init(clock: .pinging(every: 30))) { peer in
            peer.passes(.seconds(95))
            #expect(peer.hears() == [Self.answer, "ping ", "ping ", "close 1001 Ping timeout"])
        }
    }

    @Test("A message that never ends has its time, whatever comes in between")
    func unfinished() throws {
        try EmbeddedPeer.meet(.init(clock: ClockPolicy(frameTimeout: 30))) { peer in
            try peer.says(ClientFrame.text("never", fin: false))
            #expect(peer.ledger.bytes(of: .input) > 0)
            for _ in 1...29 {
                peer.passes(.seconds(1))
                try peer.says(ClientFrame.ping())
            }
            #expect(peer.isConnected)
            _ = peer.hears()
            peer.passes(.seconds(2))
            #expect(peer.hears() == ["close 1008 Message not finished in time"])
        }
    }

    // MARK: Slow readers

    @Test("A reader that does not keep up is closed when too much waits for it, and is told why")
    func slowReader() throws {
        let setup = EmbeddedPeer.Setup(slowConsumer: SlowConsumerPolicy(maximumBytes: 10_000))
        try EmbeddedPeer.meet(setup) { peer in
            _ = peer.hears()
            peer.stopsReading()
            try peer.says(ClientFrame.binary(5000))
            try peer.says(ClientFrame.binary(6000))
            #expect(peer.metrics.slowConsumerCloses == 0)
            #expect(peer.ledger.bytes(of: .output) > 11_000)
            try peer.says(ClientFrame.binary(7000))
            #expect(peer.metrics.slowConsumerCloses == 1)
            peer.readsAgain()
            #expect(peer.hears() == ["binary 5000", "close 1008 Slow consumer"])
            #expect(peer.ledger.totalBytes == 0)
        }
    }

    @Test("A reader that catches up hears everything, in order")
    func catchesUp() throws {
        try EmbeddedPeer.meet { peer in
            _ = peer.hears()
            peer.stopsReading()
            for number in 1...3 { try peer.says(ClientFrame.text("\(number)")) }
            #expect(peer.hears() == [])
            #expect(!peer.handler.isWritable)
            peer.readsAgain()
            try peer.says(ClientFrame.text("4"))
            #expect(peer.hears() == ["text 1", "text 2", "text 3", "text 4"])
            #expect(peer.handler.isWritable)
        }
    }

    @Test("A message of many pieces reaches a transport that takes each at once")
    func manyPieces() throws {
        let limits = WebSocketLimits(maximumMessageBytes: 16 << 20)
        try EmbeddedPeer.meet(.init(limits: limits)) { peer in
            try peer.says(ClientFrame.binary(16 << 20))
            #expect(peer.hears() == [Self.answer, "binary \(16 << 20)"])
        }
    }

    // MARK: The end of the transport

    @Test("A transport that is gone gives back everything, once")
    func lost() throws {
        try EmbeddedPeer.meet(.init(topic: "room")) { peer in
            try peer.says(ClientFrame.text("never", fin: false))
            #expect(peer.limits.current == 1)
            #expect(peer.metrics.subscriptions == 1)
            peer.handler.errorCaught(context: try #require(peer.handler.context), error: ChannelError.eof)
            peer.run()
            peer.handler.abandon()
            #expect(!peer.isConnected)
            #expect(peer.limits.current == 0)
            #expect(peer.metrics.subscriptions == 0)
            #expect(peer.ledger.totalBytes == 0)
            peer.handler.close(.normal)
            #expect(peer.metrics.closes == [:])
        }
    }
}
