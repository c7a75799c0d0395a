import NIOCore
import NIOEmbedded
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct FrontDoorHandlerTests {
    private typealias Harness = FrontDoorHarness

    @Test("A request and its body are answered by the API, and the connection is good for the next")
    func api() async throws {
        let door = try await Harness()
        for word in ["one", "two"] {
            try await door.receive("POST /api HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n")
            try await door.receive(word)
            let answer = try await String(buffer: door.channel.waitForOutboundWrite(as: ByteBuffer.self))
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            let rest = try await door.written()
            #expect((answer + rest).hasSuffix("\r\n\r\nPOST \(word)"))
        }
        #expect(door.transport.closes.isEmpty)
    }

    @Test("Requests that come at once are answered in a loop, a share in each turn")
    func pipeline() async throws {
        let door = try await Harness()
        let share = FrontDoorMachine.maximumRequestsInTurn
        try await door.receive(String(repeating: Harness.get("/now"), count: 3 * share))
        #expect(try await door.statuses().count == share)
        // The next is not read before all of them are answered.
        #expect(door.transport.takeReads() == 0)
        await door.advance(by: .milliseconds(1))
        #expect(try await door.statuses().count == 2 * share)
        #expect(door.transport.takeReads() == 1)
        #expect(door.place.greatestDepth == 1)
    }

    @Test("What follows an answer that is held waits for it, unread")
    func held() async throws {
        let door = try await Harness()
        try await door.receive(Harness.get("/later"))
        #expect(door.transport.takeReads() == 1)
        try await door.receive(Harness.get("/now"))
        #expect(door.transport.takeReads() == 0)
        #expect(try await door.written() == "")
        try await door.channel.testingEventLoop.executeInContext { door.place.answerHeld() }
        let answers = try await door.written()
        #expect(answers.contains("\r\n\r\nlaterHTTP/1.1 200 OK\r\n"))
        #expect(answers.hasSuffix("\r\n\r\nnow"))
        #expect(door.transport.takeReads() == 1)
    }

    @Test("Who does not take its answers gets no further ones until it does")
    func unread() async throws {
        let door = try await Harness()
        try await door.setWritable(false)
        try await door.receive(Harness.get("/now"))
        #expect(try await door.statuses() == [])
        #expect(door.transport.takeReads() == 0)
        try await door.setWritable(true)
        #expect(try await door.statuses() == [200])
        #expect(door.transport.takeReads() == 1)
    }

    @Test("Who has said all may still listen, and then sees the end")
    func halfClose() async throws {
        let door = try await Harness()
        try await door.receive(Harness.get("/later"))
        try await door.closeInput()
        #expect(door.place.heard == [.begin, .end, .inputClosed])
        #expect(door.transport.closes.isEmpty)
        try await door.channel.testingEventLoop.executeInContext { door.place.answerHeld() }
        #expect(try await door.statuses() == [200])
        #expect(door.transport.closes == [.output])
        await door.advance(by: FrontDoorMachine.lingerTime)
        #expect(door.transport.closes == [.output, .all])
    }

    @Test("Half of a request and the end is no request")
    func halfRequest() async throws {
        let door = try await Harness()
        try await door.receive("POST /now HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\na")
        try await door.closeInput()
        #expect(try await door.statuses() == [400])
        #expect(door.place.heard == [.begin, .piece("a"), .aborted])
    }

    @Test("Garbage behind a request, in the same segment, is refused behind its answer, whatever that was")
    func garbage() async throws {
        for (first, isHead) in [(Harness.get("/now"), false), ("HEAD /now HTTP/1.1\r\nHost: a.test\r\n\r\n", true)] {
            let door = try await Harness()
            try await door.receive(first + "GET / nonsense\r\n\r\n" + Harness.get("/now"))
            let answers = try await door.written()
            let parts = answers.split(separator: "HTTP/1.1 ")
            #expect(parts.map { $0.prefix(3) } == ["200", "400"])
            #expect(parts.first?.hasSuffix(isHead ? "\r\n\r\n" : "now") == true)
            #expect(parts.last?.hasSuffix("Malformed request\n") == true)
            #expect(door.transport.closes == [.output])
        }
    }

    @Test("An upgrade that nobody takes up is a request like any other", arguments: ["/now", "/api"])
    func unfollowedUpgrade(path: String) async throws {
        let door = try await Harness()
        let offer = Harness.get(path, "Upgrade: h2c", "Connection: Upgrade")
        try await door.receive(offer + offer + offer + Harness.get(path))
        var statuses: [Int] = []
        while statuses.count < 4 {
            let piece = try await String(buffer: door.channel.waitForOutboundWrite(as: ByteBuffer.self))
            if piece.hasPrefix("HTTP/1.1 ") { statuses += [Int(piece.dropFirst(9).prefix(3)) ?? 0] }
        }
        #expect(statuses == [200, 200, 200, 200])
    }

    @Test("Who asks whether to go on with a body is told so at once")
    func expectation() async throws {
        let door = try await Harness()
        try await door.receive(
            "POST /now HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        #expect(try await door.written() == "HTTP/1.1 100 Continue\r\n\r\n")
        try await door.receive("abc")
        #expect(try await door.statuses() == [200])
    }

    @Test("A connection that says nothing is closed, one that says half is told why")
    func headTimeout() async throws {
        let silent = try await Harness()
        await silent.advance(by: .seconds(10))
        #expect(try await silent.written() == "")
        #expect(silent.transport.closes == [.all])
        let slow = try await Harness()
        try await slow.receive("GET / HT")
        await slow.advance(by: .seconds(10))
        #expect(try await slow.statuses() == [408])
    }

    @Test("A body that comes byte by byte is given up")
    func bodyTimeout() async throws {
        let door = try await Harness()
        try await door.receive("POST /later HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999\r\n\r\na")
        for _ in 0..<29 {
            await door.advance(by: .seconds(1))
            try await door.receive("a")
        }
        #expect(try await door.written() == "")
        await door.advance(by: .seconds(1))
        #expect(try await door.statuses() == [408])
        #expect(door.place.heard.last == .aborted)
    }

    @Test("An exchange hears that its client is gone")
    func gone() async throws {
        let door = try await Harness()
        try await door.receive(Harness.get("/later"))
        try await door.channel.close()
        #expect(door.place.heard == [.begin, .end, .aborted])
        // To nobody.
        try await door.channel.testingEventLoop.executeInContext { door.place.answerHeld() }
        #expect(door.place.heard.count == 3)
    }

    @Test("What comes behind the last answer is thrown away before anything keeps it")
    func behindTheLast() async throws {
        let door = try await Harness()
        let counter = ByteCounter()
        try await door.channel.testingEventLoop.executeInContext {
            let pipeline = door.channel.pipeline.syncOperations
            let headGuard = try pipeline.handler(type: RequestHeadGuard.self)
            try pipeline.addHandler(counter, position: .after(headGuard))
        }
        // Behind it the parser stops, and would keep whatever comes.
        let connect = "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n"
        try await door.receive(connect)
        #expect(try await door.statuses() == [Refusal.unknownMethod.status])
        for _ in 0..<100 { try await door.receive(ByteBuffer(repeating: 0x61, count: 4096)) }
        #expect(counter.count == connect.utf8.count)
        // The client may go on reading, and so do we.
        #expect(door.transport.closes == [.output])
    }

    @Test("A refusal is counted with the path, what is spoken there, and the client, behind proxies that are trusted")
    func log() async throws {
        let trusted = try TrustedProxies("192.0.2.1")
        let forwarded = "X-Forwarded-For: 198.51.100.7"
        let cases: [(request: String, path: String?, dialect: String?, address: String)] = [
            (Harness.get("/socket?token=x", forwarded), "/socket", "relay", "198.51.100.7"),
            (Harness.get("/now", "Expect: a", forwarded), "/now", nil, "192.0.2.1"),
            ("GET / nonsense\r\n\r\n", nil, nil, "192.0.2.1"),
            // The request before it has its answer.
            (Harness.get("/now", forwarded) + "GET / nonsense\r\n\r\n", nil, nil, "192.0.2.1"),
        ]
        for example in cases {
            let door = try await Harness(trusting: trusted)
            try await door.receive(example.request)
            let facts = try #require(door.log.lines.last { $0.message == "Request refused" }?.facts)
            #expect(facts["path"] == example.path)
            #expect(facts["dialect"] == example.dialect)
            #expect(facts["address"] == example.address)
        }
    }

    // MARK: Handshakes

    private func admit(_ admission: Admission, at door: Harness) async throws {
        try await door.channel.testingEventLoop.executeInContext { door.place.decide(admission) }
        await door.channel.testingEventLoop.run()
    }

    @Test("Nothing is read while an admission is decided, and nothing of what came behind it is lost")
    func admission() async throws {
        let door = try await Harness()
        var segment = ByteBuffer(string: Harness.handshake)
        segment.writeImmutableBuffer(Harness.frame("hello"))
        try await door.receive(segment)
        #expect(try await door.written() == "")
        #expect(door.transport.takeReads() == 0)
        let acceptance = EchoAcceptance(ledger: door.services.ledger, logger: door.services.logger)
        try await self.admit(.accept(acceptance), at: door)
        let answers = try await door.written()
        #expect(answers.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(answers.hasSuffix("\u{5}hello"))
        #expect(door.transport.takeReads() >= 1)
        #expect(door.services.limits.current == 1)
        try await door.channel.close()
        #expect(door.services.limits.current == 0)
    }

    @Test("A handshake is refused by its endpoint, for want of a place, or by a server that stops")
    func refusedHandshakes() async throws {
        let refused = try await Harness()
        try await refused.receive(Harness.handshake)
        try await self.admit(.refuse(.badToken), at: refused)
        #expect(try await refused.statuses() == [Refusal.badToken.status])
        #expect(refused.transport.closes == [.output])

        let full = try await Harness()
        let permit = try full.services.limits.acquire(ip: nil).get()
        let acceptance = EchoAcceptance(ledger: full.services.ledger, logger: full.services.logger)
        try await full.receive(Harness.handshake)
        try await self.admit(.accept(acceptance), at: full)
        #expect(try await full.statuses() == [Refusal.connectionLimit.status])
        permit.release()

        let stopping = try await Harness()
        try await stopping.receive(Harness.handshake)
        stopping.services.state.startDraining()
        try await self.admit(.accept(acceptance), at: stopping)
        #expect(try await stopping.statuses() == [Refusal.shuttingDown.status])
        #expect(stopping.services.limits.current == 0)
    }

    @Test("An admission that takes too long is none, whatever it comes to")
    func lateAdmission() async throws {
        let door = try await Harness()
        try await door.receive(Harness.handshake)
        await door.advance(by: .seconds(10))
        #expect(try await door.statuses() == [408])
        try await self.admit(.refuse(.badToken), at: door)
        #expect(try await door.written() == "")
    }
}
