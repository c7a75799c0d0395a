import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import ParleyHub
import ParleyModel
import Synchronization
import WebSocketProtocol

@testable import ParleyTransport

/// A connection to a front door, without a socket: bytes in, bytes out, and time by hand.
struct FrontDoorHarness {
    let channel: NIOAsyncTestingChannel
    let transport = Transport()
    let place: TestPlace
    let services: ListenerServices
    let log = RecordedLog()

    /// - Parameter proxies: Who is believed when they say for whom they speak.
    init(trusting proxies: TrustedProxies = .none) async throws {
        let loop = NIOAsyncTestingEventLoop()
        let channel = NIOAsyncTestingChannel(loop: loop)
        let place = TestPlace(loop)
        let logger = self.log.logger
        let services = ListenerServices(
            hub: try await Hub(
                configuration: HubConfiguration(wallTime: { WallTime(milliseconds: 0) }),
                eventLoops: [loop]
            ),
            state: ServerState(),
            limits: ConnectionLimits(maximum: 1, maximumPerAddress: 0),
            failures: HandshakeFailures(logger: logger),
            ledger: MemoryLedger(maximumBytes: 1 << 20),
            routes: Self.routes(place),
            http: TestAPI(),
            headerTimeout: .seconds(10),
            bodyTimeout: .seconds(30),
            maximumHeaderBytes: 16384,
            trustedProxies: proxies,
            logger: logger
        )
        self.channel = channel
        self.place = place
        self.services = services
        let transport = self.transport
        try await loop.executeInContext {
            channel.allowRemoteHalfClosure = true
            try channel.pipeline.syncOperations.addHandler(transport)
            try ConnectionSetup.addHandlers(to: channel, services: services, tls: nil)
        }
        try await channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 40_000)).get()
    }

    private static func routes(_ place: TestPlace) -> TestRoutes {
        TestRoutes(
            taker: { request in
                switch request.path {
                case "/api": .http
                case "/socket": .webSocket(place)
                default: .exchange(place)
                }
            },
            bodyBytes: { $0.path == "/api" && $0.head.method == .POST ? 2048 : nil }
        )
    }

    /// What has been written so far, and not been read here.
    func written() async throws -> String {
        var text = ""
        while let piece = try await self.channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: piece) }
        return text
    }

    /// One segment from the client, and a read for the next.
    func receive(_ text: String) async throws {
        try await self.receive(ByteBuffer(string: text))
    }

    func receive(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeInbound(bytes)
        try await self.channel.testingEventLoop.executeInContext { self.channel.read() }
        await self.channel.testingEventLoop.run()
    }

    /// The status codes of what has been written, in order.
    func statuses() async throws -> [Int] {
        try await self.written().split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }

    func closeInput() async throws {
        try await self.channel.testingEventLoop.executeInContext {
            self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        await self.channel.testingEventLoop.run()
    }

    func setWritable(_ isWritable: Bool) async throws {
        try await self.channel.testingEventLoop.executeInContext {
            self.channel.isWritable = isWritable
            self.channel.pipeline.fireChannelWritabilityChanged()
        }
        await self.channel.testingEventLoop.run()
    }

    func advance(by time: TimeAmount) async { await self.channel.testingEventLoop.advanceTime(by: time) }

    static func get(_ path: String, _ fields: String...) -> String {
        "GET \(path) HTTP/1.1\r\nHost: a.test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    static let handshake = Self.get(
        "/socket",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    )

    /// A text message as a client sends it.
    static func frame(_ text: String) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        frame.writeInteger(UInt8(0x80 | text.utf8.count))
        frame.writeInteger(UInt32(0))
        frame.writeString(text)
        return frame
    }
}

/// Stands where the socket is, and notes what it is asked.
final class Transport: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ByteBuffer

    private struct State {
        var reads = 0
        var closes: [CloseMode] = []
    }

    private let state = Mutex(State())

    /// Reads asked for since somebody last wanted to know.
    func takeReads() -> Int {
        self.state.withLock { state in
            defer { state.reads = 0 }
            return state.reads
        }
    }

    var closes: [CloseMode] { self.state.withLock { $0.closes } }

    func read(context: ChannelHandlerContext) {
        self.state.withLock { $0.reads += 1 }
        context.read()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        self.state.withLock { $0.closes.append(mode) }
        guard mode == .all else {
            promise?.succeed()
            return
        }
        context.close(mode: mode, promise: promise)
    }
}

/// Counts the bytes that come by.
final class ByteCounter: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let total = Mutex(0)
    var count: Int { self.total.withLock { $0 } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data).readableBytes
        self.total.withLock { $0 += bytes }
        context.fireChannelRead(data)
    }
}

/// Says what it was asked.
struct TestAPI: PlainResponder {
    func respond(to request: PlainRequest, on channel: any Channel) async -> PlainResponse {
        if let refusal = request.refusal { return PlainResponse(refusal) }
        return PlainResponse(
            .ok,
            [:],
            ByteBuffer(string: "\(request.head.method.rawValue) \(String(buffer: request.body))")
        )
    }
}

/// Exchanges that answer at once at `/now`, and when they are told to anywhere else; and WebSockets that say what they hear.
final class TestPlace: ExchangeEndpoint, WebSocketEndpoint, Sendable {
    enum Heard: Equatable, Sendable {
        case begin
        case piece(String)
        case end
        case inputClosed
        case aborted
    }

    private struct State {
        var heard: [Heard] = []
        var depth = 0
        var greatestDepth = 0
    }

    var dialect: DialectName? { .relay }

    private let state = Mutex(State())
    private let held: NIOLoopBoundBox<((ExchangeAnswer) -> Void)?>
    private let admission: NIOLoopBoundBox<EventLoopPromise<Admission>?>

    init(_ eventLoop: any EventLoop) {
        self.held = .makeEmptyBox(eventLoop: eventLoop)
        self.admission = .makeEmptyBox(eventLoop: eventLoop)
    }

    var heard: [Heard] { self.state.withLock { $0.heard } }
    /// How many exchanges have begun within each other, at most.
    var greatestDepth: Int { self.state.withLock { $0.greatestDepth } }

    /// On the event loop.
    func answerHeld() {
        let answer = self.held.value
        self.held.value = nil
        answer?(Self.answer("later"))
    }

    /// On the event loop.
    func decide(_ admission: Admission) { self.admission.value?.succeed(admission) }

    static func answer(_ text: String) -> ExchangeAnswer {
        ExchangeAnswer(status: .ok, headers: [:], body: ByteBuffer(string: text), closes: false)
    }

    func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        answer: @escaping (ExchangeAnswer) -> Void
    ) -> any HTTPExchange {
        if request.path != "/now" { self.held.value = answer }
        return TestExchange(place: self, answer: request.path == "/now" ? answer : nil)
    }

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        let promise = eventLoop.makePromise(of: Admission.self)
        self.admission.value = promise
        return .pending(promise.futureResult)
    }

    fileprivate func hear(_ heard: Heard) { self.state.withLock { $0.heard.append(heard) } }

    fileprivate func nest(_ body: () -> Void) {
        self.state.withLock {
            $0.depth += 1
            $0.greatestDepth = max($0.greatestDepth, $0.depth)
        }
        body()
        self.state.withLock { $0.depth -= 1 }
    }
}

private final class TestExchange: HTTPExchange {
    private let place: TestPlace
    private let answer: ((ExchangeAnswer) -> Void)?

    init(place: TestPlace, answer: ((ExchangeAnswer) -> Void)?) {
        self.place = place
        self.answer = answer
    }

    func begin() { self.place.hear(.begin) }
    func received(_ piece: ByteBuffer) { self.place.hear(.piece(String(buffer: piece))) }

    func ended() {
        self.place.hear(.end)
        self.place.nest { self.answer?(TestPlace.answer("now")) }
    }

    func aborted() { self.place.hear(.aborted) }
    func inputClosed() { self.place.hear(.inputClosed) }
}

/// Sends back what it receives, unknown to the hub.
final class EchoHandler: WebSocketHandler {
    override func received(_ kind: MessageKind, _ message: ByteBuffer) { self.send(kind, message) }
}

struct EchoAcceptance: WebSocketAcceptance {
    let profile: ConnectionProfile

    init(ledger: MemoryLedger, logger: Logger) {
        self.profile = ConnectionProfile(
            dialect: .relay,
            formats: nil,
            limits: WebSocketLimits(maximumMessageBytes: 1024),
            slowConsumer: SlowConsumerPolicy(maximumBytes: 1 << 20),
            clock: ClockPolicy(),
            shutdown: .serverShuttingDown,
            ledger: ledger,
            logger: logger
        )
    }

    var eventLoop: (any EventLoop)? { nil }

    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        EchoHandler(environment, profile: self.profile) { _ in .distantFuture }
    }
}
