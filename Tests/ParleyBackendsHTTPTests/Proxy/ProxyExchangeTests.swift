import NIOCore
import NIOEmbedded
import NIOHTTP1
import ParleyHub
import Testing

@testable import ParleyBackendsHTTP

@Suite struct ProxyExchangeTests {
    private static let length: HTTPHeaders = ["Host": "a.test", "Content-Length": "3"]
    private static let piece = ByteBuffer(string: "abc")

    @Test("A request goes to the backend, its answer to the client, and the connection to the next request")
    func passes() throws {
        let fixture = try ProxyFixture()
        for number in 1...2 {
            let exchange = try fixture.exchange()
            exchange.ended()
            let head = try fixture.sent()
            #expect(head.hasPrefix("GET /x HTTP/1.1\r\n") && head.hasSuffix("\r\n\r\n"))
            #expect(head.contains("x-verified-backend: b1\r\n") && head.contains("x-forwarded-for: 192.0.2.1\r\n"))
            try fixture.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            let answer = fixture.client.takeText()
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nhi"))
            #expect(answer.contains("Date: "))
            #expect(fixture.client.takeEvents() == (number == 1 ? ["paused", "read", "kept"] : ["kept"]))
            #expect(fixture.client.answers == number)
            #expect(fixture.backends.count == 1)
            #expect(fixture.isIdle)
        }
    }

    @Test("A body goes to the backend piece by piece, as fast as it takes them")
    func sendsBody() throws {
        let fixture = try ProxyFixture()
        let exchange = try fixture.exchange(.POST, ["Host": "a.test", "Transfer-Encoding": "chunked"])
        _ = fixture.client.takeEvents()
        exchange.received(Self.piece)
        #expect(try fixture.sent().hasSuffix("\r\n\r\n3\r\nabc\r\n"))
        fixture.backends[0].isWritable = false
        fixture.backends[0].pipeline.fireChannelWritabilityChanged()
        #expect(fixture.client.takeEvents() == ["paused"])
        fixture.backends[0].isWritable = true
        fixture.backends[0].pipeline.fireChannelWritabilityChanged()
        #expect(fixture.client.takeEvents() == ["read"])
        exchange.ended()
        #expect(try fixture.sent() == "0\r\n\r\n")
    }

    @Test("An answer without a length is chunked, behind interim responses, and waits for its reader")
    func chunks() throws {
        let fixture = try ProxyFixture()
        let exchange = try fixture.exchange()
        exchange.ended()
        _ = try fixture.sent()
        try fixture.answer("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n")
        #expect(fixture.client.takeText().hasPrefix("HTTP/1.1 103 \r\nLink: a\r\n"))
        try fixture.answer("HTTP/1.1 200 OK\r\n\r\nhello")
        #expect(fixture.client.takeText().hasSuffix("\r\n\r\n5\r\nhello\r\n"))
        fixture.client.isWritable = false
        try fixture.answer("more")
        #expect(fixture.client.takeText() == "4\r\nmore\r\n")
        #expect(!fixture.isRead())
        fixture.client.isWritable = true
        exchange.writabilityChanged(true)
        #expect(fixture.isRead())
        // Without a length, the end of the connection is that of the body.
        fixture.close()
        #expect(fixture.client.takeText() == "0\r\n\r\n")
        #expect(fixture.client.takeEvents().last == "kept")
        #expect(fixture.isIdle)
    }

    @Test("A request waits for its backend, and what has come of it is counted while it does")
    func waits() throws {
        let fixture = try ProxyFixture()
        let exchange = try fixture.exchange(.POST, Self.length, isReady: false)
        #expect(fixture.client.takeEvents() == ["paused"])
        exchange.received(Self.piece)
        exchange.ended()
        #expect(fixture.ledger.bytes(of: .proxy) == 3)
        fixture.routes.settle(fixture.address)
        fixture.loop.run()
        #expect(try fixture.sent().hasSuffix("\r\n\r\nabc"))
        #expect(fixture.ledger.bytes(of: .proxy) == 0)
        #expect(fixture.client.takeEvents() == ["read"])
        // Nobody waits for it any more.
        fixture.loop.advanceTime(by: .minutes(31))
        #expect(fixture.client.takeEvents() == [])
    }

    @Test(
        "Who waits in vain is told why, and leaves nothing behind",
        arguments: [("time", "504 Gateway Timeout"), ("end", "410 Gone"), ("token", "410 Gone"), ("memory", "503 ")]
    )
    func waitsInVain(_ event: String, _ status: String) throws {
        let fixture = try ProxyFixture(maximumWaiting: event == "memory" ? 2 : .max)
        let exchange = try fixture.exchange(.POST, Self.length, isReady: false)
        exchange.received(Self.piece)
        switch event {
        case "time": fixture.loop.advanceTime(by: .minutes(30))
        case "end": fixture.routes.settle(nil)
        case "token": fixture.routes.endTokens()
        default: break
        }
        fixture.loop.run()
        #expect(fixture.client.takeText().hasPrefix("HTTP/1.1 \(status)"))
        #expect(fixture.client.takeEvents() == ["paused", "refused with \(status.prefix(3))", "closed"])
        #expect(fixture.isIdle)
    }

    @Test("A backend that takes no connection, or breaks off, is told of")
    func failures() throws {
        let fixture = try ProxyFixture()
        try fixture.exchange().ended()
        fixture.close()
        #expect(fixture.client.takeText().hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
        try fixture.exchange().ended()
        try fixture.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", from: 1)
        fixture.close(1)
        #expect(fixture.client.takeEvents().last == "aborted")
        fixture.refuseConnections()
        try fixture.exchange().ended()
        #expect(fixture.client.takeEvents().suffix(2) == ["refused with 502", "closed"])
        #expect(fixture.isIdle)
    }

    @Test("A connection that had waited, and is closed when it is asked, is replaced by a new one")
    func asksAgain() throws {
        let fixture = try ProxyFixture()
        try fixture.exchange().ended()
        try fixture.answer("HTTP/1.1 204 No Content\r\n\r\n")
        _ = fixture.client.takeText()
        let exchange = try fixture.exchange()
        exchange.ended()
        fixture.close()
        #expect(fixture.backends.count == 2)
        #expect(try fixture.sent(to: 1).hasPrefix("GET /x HTTP/1.1\r\n"))
        try fixture.answer("HTTP/1.1 204 No Content\r\n\r\n", from: 1)
        #expect(fixture.client.takeText().hasPrefix("HTTP/1.1 204 No Content\r\n"))
        #expect(fixture.isIdle)
    }

    @Test("A connection that waits is closed in time, or when its backend speaks unasked", arguments: [true, false])
    func idles(_ isSpeaking: Bool) throws {
        let fixture = try ProxyFixture()
        try fixture.exchange().ended()
        try fixture.answer("HTTP/1.1 204 No Content\r\n\r\n")
        #expect(fixture.backends[0].isActive)
        if isSpeaking {
            try? fixture.answer("HTTP/1.1 200 OK\r\n\r\n")
        } else {
            fixture.loop.advanceTime(by: .seconds(5))
        }
        #expect(!fixture.backends[0].isActive)
    }

    @Test("A client that goes takes the connection to its backend with it, also one that comes later")
    func clientGoes() throws {
        let fixture = try ProxyFixture()
        try fixture.exchange().aborted()
        fixture.loop.run()
        #expect(!fixture.backends[0].isActive)
        let waiting = try fixture.exchange(isReady: false)
        fixture.routes.settle(fixture.address)
        fixture.loop.execute { waiting.aborted() }
        fixture.loop.run()
        #expect(fixture.backends.allSatisfy { !$0.isActive })
        #expect(fixture.isIdle)
        #expect(fixture.client.takeText() == "")
    }

    @Test("An answer in pieces is cut off when its token is taken back")
    func cutsOff() throws {
        let fixture = try ProxyFixture()
        let exchange = try fixture.exchange()
        exchange.ended()
        try fixture.answer("HTTP/1.1 200 OK\r\n\r\ndata")
        #expect(fixture.client.takeText().contains("data"))
        fixture.routes.endTokens()
        fixture.loop.run()
        #expect(fixture.client.takeEvents().last == "aborted")
        #expect(!fixture.backends[0].isActive)
        #expect(fixture.isIdle)
    }

    @Test("Clients of HTTP/1.0 that name no host ask for the address of the backend")
    func host() throws {
        let fixture = try ProxyFixture()
        try fixture.exchange(.GET, [:], version: .http1_0).ended()
        #expect(try fixture.sent().contains("\r\nHost: 127.0.0.1:4000\r\n"))
    }

    @Test("Behind an agreement, bytes pass in both directions, what comes with it first")
    func splices() throws {
        let fixture = try ProxyFixture()
        let exchange = try fixture.exchange(.GET, ["Host": "a.test", "Connection": "Upgrade", "Upgrade": "shout"])
        exchange.ended()
        #expect(try fixture.sent().contains("Upgrade: shout\r\n"))
        try fixture.answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nHELLO")
        #expect(fixture.client.takeText().contains("\r\nUpgrade: shout\r\n"))
        #expect(fixture.client.takeEvents().last == "tunnelled")
        #expect(String(buffer: try fixture.client.received()) == "HELLO")
        try fixture.client.send(ByteBuffer(string: "quietly"))
        #expect(try fixture.sent() == "quietly")
        try fixture.answer("QUIETLY")
        #expect(String(buffer: try fixture.client.received()) == "QUIETLY")
        #expect(fixture.routes.openRoutes == 1)
        fixture.client.channel.close(promise: nil)
        fixture.loop.run()
        #expect(!fixture.backends[0].isActive)
        #expect(fixture.isIdle)
    }
}
