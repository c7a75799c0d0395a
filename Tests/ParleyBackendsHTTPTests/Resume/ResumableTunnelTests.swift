import NIOCore
import NIOEmbedded
import NIOHTTP1
import ParleyBackends
import ParleyHub
import ParleyModel
import Testing
import WebSocketProtocol

@testable import ParleyBackendsHTTP

/// Through the handlers of both connections, from the handshake on.
@Suite struct ResumableTunnelTests {
    private static let handshake: HTTPHeaders = [
        "Host": "a.test", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "chat, other",
        "Sec-WebSocket-Extensions": "permessage-deflate",
    ]
    private static let agreement =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"

    /// A socket whose first backend has agreed, and was asked how far it has read.
    private static func open(_ policy: ResumePolicy = ResumePolicy()) throws -> ProxyFixture {
        let fixture = try ProxyFixture()
        try fixture.exchange(.GET, Self.handshake, resume: policy).ended()
        let head = try fixture.sent()
        #expect(head.contains("Sec-WebSocket-Protocol: chat, other\r\n") && !head.contains("Extensions"))
        try fixture.answer(Self.agreement)
        #expect(fixture.client.takeText().contains("Sec-WebSocket-Accept"))
        #expect(fixture.client.takeEvents().last == "tunnelled")
        // It is asked about the reason for its end.
        try fixture.backends[0].syncOptions?.setOption(.socketOption(.so_error), value: 0)
        #expect(try fixture.sent() == Frames.probe(1).latin1)
        return fixture
    }

    /// One whose backend is gone, and whose next is found.
    private static func found(_ policy: ResumePolicy = ResumePolicy()) throws -> ProxyFixture {
        let fixture = try Self.open(policy)
        fixture.close()
        #expect(fixture.routes.searches == ["b1"])
        fixture.routes.answer(.ready(ScriptedRoutes.route("b2", resume: policy), fixture.address))
        fixture.routes.find(.successor(ScriptedRoutes.route("b2", resume: policy)))
        fixture.loop.run()
        return fixture
    }

    private static func end(_ fixture: ProxyFixture) {
        fixture.client.channel.close(promise: nil)
        fixture.loop.run()
        #expect(fixture.backends.allSatisfy { !$0.isActive })
        #expect(fixture.isIdle)
    }

    @Test("Messages pass in both directions, and the end of the client is the end")
    func passes() throws {
        let fixture = try Self.open()
        try fixture.client.send(Frames.client("a"))
        #expect(try fixture.sent() == Frames.client("a").latin1)
        try fixture.backends[0].writeInbound(Frames.server("b"))
        #expect(try fixture.client.received() == Frames.server("b"))
        Self.end(fixture)
    }

    @Test("The next backend hears the same handshake, and what was said meanwhile")
    func resumes() throws {
        let fixture = try Self.found()
        try fixture.client.send(Frames.client("meanwhile"))
        let head = try fixture.sent(to: 1)
        #expect(head.contains("x-verified-resumed-from: b1\r\n") && head.contains("x-verified-backend: b2\r\n"))
        #expect(head.contains("\r\nSec-WebSocket-Protocol: chat\r\n") && !head.contains("Extensions"))
        try fixture.answer(Self.agreement, from: 1)
        #expect(try fixture.sent(to: 1).hasPrefix(Frames.client("meanwhile").latin1))
        #expect(fixture.client.channel.isActive)
        try fixture.client.send(Frames.client("after"))
        #expect(try fixture.sent(to: 1) == Frames.client("after").latin1)
        Self.end(fixture)
    }

    @Test("What the next backend says with its agreement reaches the client")
    func early() throws {
        let fixture = try Self.found()
        var bytes = ByteBuffer(string: Self.agreement)
        bytes.writeImmutableBuffer(Frames.server("early"))
        try fixture.backends[1].writeInbound(bytes)
        #expect(try fixture.client.received() == Frames.server("early"))
        Self.end(fixture)
    }

    @Test(
        "A next backend that refuses, or is lost, or takes no connection",
        arguments: ["refuses", "closes", "takes no connection"]
    )
    func loses(_ way: String) throws {
        let fixture = try Self.open()
        fixture.close()
        if way == "takes no connection" { fixture.refuseConnections() }
        fixture.routes.answer(.ready(ScriptedRoutes.route("b2", resume: ResumePolicy()), fixture.address))
        fixture.routes.find(.successor(ScriptedRoutes.route("b2", resume: ResumePolicy())))
        fixture.loop.run()
        if way == "refuses" {
            try fixture.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", from: 1)
            let reason = CloseReason.serviceRestart
            #expect(try fixture.client.received() == Frames.close(reason.code, reason.reason))
        } else {
            if way == "closes" { fixture.close(1) }
            #expect(fixture.routes.searches == ["b1", "b2"])
            #expect(fixture.client.channel.isActive)
        }
        #expect(fixture.routes.openRoutes == 0)
        Self.end(fixture)
    }

    @Test("A backend that is not ready is waited for, one that too many wait for tried again, one that is gone not")
    func opens() throws {
        let fixture = try Self.open()
        fixture.close()
        fixture.routes.answer(.full, .gone)
        fixture.routes.find(.successor(ScriptedRoutes.route("b2", resume: ResumePolicy())))
        fixture.loop.run()
        #expect(fixture.routes.searches == ["b1"])
        fixture.loop.advanceTime(by: .milliseconds(100))
        #expect(fixture.routes.searches == ["b1", "b2"])
        let third = ScriptedRoutes.route("b3", resume: ResumePolicy())
        fixture.routes.answer(.pending(third))
        fixture.routes.find(.successor(third))
        fixture.loop.run()
        #expect(fixture.routes.openRoutes == 1)
        fixture.routes.settle(fixture.address)
        fixture.loop.run()
        #expect(try fixture.sent(to: 1).contains("x-verified-resumed-from: b2\r\n"))
        Self.end(fixture)
    }

    @Test("A client is told when nobody comes in time")
    func patience() throws {
        let fixture = try Self.open(ResumePolicy(patience: .seconds(5)))
        fixture.close()
        fixture.loop.advanceTime(by: .seconds(4))
        #expect(try fixture.client.received().readableBytes == 0)
        fixture.loop.advanceTime(by: .seconds(1))
        let reason = CloseReason.serviceRestart
        #expect(try fixture.client.received() == Frames.close(reason.code, reason.reason))
        // Found too late.
        fixture.routes.answer(.ready(ScriptedRoutes.route("b2"), fixture.address))
        fixture.routes.find(.successor(ScriptedRoutes.route("b2")))
        fixture.loop.run()
        #expect(fixture.routes.openRoutes == 0)
        Self.end(fixture)
    }

    @Test("A token that is taken back ends the socket, a backend that is cut off its own", arguments: [true, false])
    func cutsOff(_ isServing: Bool) throws {
        let fixture = try Self.open()
        if !isServing { fixture.routes.stopServing() }
        fixture.routes.endTokens()
        fixture.loop.run()
        #expect(!fixture.backends[0].isActive)
        #expect(fixture.routes.searches == (isServing ? [] : ["b1"]))
        Self.end(fixture)
    }

    @Test("What is said to a backend at its end is for the next")
    func leaves() throws {
        let fixture = try Self.open()
        fixture.routes.leave()
        fixture.loop.run()
        try fixture.client.send(Frames.client("a"))
        #expect(try fixture.sent() == "")
        Self.end(fixture)
    }

    @Test("What is kept is counted with all that waits, and the socket ends where that is too much")
    func accounts() throws {
        let fixture = try Self.open()
        fixture.close()
        for _ in 0..<3 { try fixture.client.send(Frames.client(String(repeating: "x", count: 60 << 10))) }
        #expect(fixture.ledger.totalBytes == 128 << 10)
        _ = fixture.budget.add(ResumeBudget.maximumBytes)
        try fixture.client.send(Frames.client(String(repeating: "x", count: 60 << 10)))
        let reason = CloseReason.tooMuchToResume
        #expect(try fixture.client.received() == Frames.close(reason.code, reason.reason))
        #expect(fixture.ledger.totalBytes == 0)
        #expect(fixture.budget.add(0))
        Self.end(fixture)
    }

    @Test("What was not read is said again where the system says that it was reset", arguments: [0, 104])
    func resets(_ error: Int32) throws {
        let fixture = try Self.open()
        try fixture.backends[0].writeInbound(Frames.server("parley resume 1", .pong))
        try fixture.client.send(Frames.client("a"))
        _ = try fixture.sent()
        try fixture.backends[0].syncOptions?.setOption(.socketOption(.so_error), value: SocketOptionValue(error))
        fixture.backends[0].pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        fixture.loop.run()
        #expect(!fixture.backends[0].isActive)
        fixture.routes.answer(.ready(ScriptedRoutes.route("b2", resume: ResumePolicy()), fixture.address))
        fixture.routes.find(.successor(ScriptedRoutes.route("b2", resume: ResumePolicy())))
        fixture.loop.run()
        _ = try fixture.sent(to: 1)
        try fixture.answer(Self.agreement, from: 1)
        let said = try fixture.sent(to: 1)
        #expect(said.contains(Frames.client("a").latin1) == (error != 0))
        Self.end(fixture)
    }

    @Test("A client that takes nothing holds back its backend, and the other way round")
    func paces() throws {
        let fixture = try Self.open()
        let (client, backend) = (fixture.client.channel, fixture.backends[0])
        let reads = ReadCounter()
        try backend.pipeline.syncOperations.addHandler(reads, position: .first)
        client.isWritable = false
        backend.read()
        #expect(reads.count == 0)
        client.isWritable = true
        client.pipeline.fireChannelWritabilityChanged()
        #expect(reads.count == 1)
        Self.end(fixture)
    }

    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var count = 0
        func read(context: ChannelHandlerContext) {
            self.count += 1
            context.read()
        }
    }
}
