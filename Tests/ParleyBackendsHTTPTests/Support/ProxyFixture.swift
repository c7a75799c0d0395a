import NIOCore
import NIOEmbedded
import NIOHTTP1
import ParleyHub
import Testing

@testable import ParleyBackends
@testable import ParleyBackendsHTTP
@testable import ParleyTransport

/// Exchanges between a client and backends on one embedded loop, the bytes of both in the hands of a test.
final class ProxyFixture {
    let loop = EmbeddedEventLoop()
    let routes = ScriptedRoutes()
    let ledger: MemoryLedger
    let budget = ResumeBudget()
    let client: RecordingClient
    private let dialled = Dialled()
    let resources: ProxyResources
    let address: SocketAddress
    /// As the front door keeps them.
    private var exchanges: [ProxyExchange] = []

    /// What was connected to.
    private final class Dialled {
        var channels: [EmbeddedChannel] = []
        var isRefusing = false
    }

    init(maximumWaiting: Int = .max) throws {
        let (loop, dialled) = (self.loop, self.dialled)
        self.ledger = MemoryLedger(maximumBytes: maximumWaiting)
        self.client = RecordingClient(loop)
        self.address = try SocketAddress(ipAddress: "127.0.0.1", port: 4000)
        let pool = UpstreamPool(eventLoop: loop, ledger: self.ledger) { address, initializer in
            guard !dialled.isRefusing else { return loop.makeFailedFuture(ChannelError.connectTimeout(.zero)) }
            let channel = EmbeddedChannel(loop: loop)
            dialled.channels.append(channel)
            // Never at once, as it is with others.
            return loop.submit {}.flatMap { initializer(channel) }.flatMap { channel.connect(to: address) }
                .map { channel as any Channel }
        }
        self.resources = ProxyResources(
            eventLoop: loop,
            routes: self.routes,
            pool: pool,
            ledger: self.ledger,
            resumeBudget: self.budget
        )
    }

    /// Connections to backends, in their order.
    var backends: [EmbeddedChannel] { self.dialled.channels }
    func refuseConnections() { self.dialled.isRefusing = true }

    /// An exchange that has begun.
    /// - Parameter isReady: Whether its backend is.
    func exchange(
        _ method: HTTPMethod = .GET,
        _ headers: HTTPHeaders = ["Host": "a.test"],
        version: HTTPVersion = .http1_1,
        isReady: Bool = true,
        resume: ResumePolicy? = nil
    ) throws -> ProxyExchange {
        let head = HTTPRequestHead(version: version, method: method, uri: "/token-of-b1/x", headers: headers)
        let path = try #require(ProxyPath(head.uri))
        let route = ScriptedRoutes.route("b1", resume: resume)
        self.routes.noteOpen()
        let exchange = ProxyExchange(
            UpgradeRequest(head: head, peer: Peer(try SocketAddress(ipAddress: "192.0.2.1", port: 9))),
            .open(route, isReady ? self.address : nil, path),
            self.resources,
            downstream: self.client
        )
        self.exchanges.append(exchange)
        exchange.begin()
        self.loop.run()
        return exchange
    }

    /// What a backend has been sent since the last time, a character for each byte.
    func sent(to backend: Int = 0) throws -> String {
        self.loop.run()
        var text = ""
        while let bytes = try self.backends[backend].readOutbound(as: ByteBuffer.self) { text += bytes.latin1 }
        return text
    }

    /// A backend says something.
    func answer(_ text: String, from backend: Int = 0) throws {
        try self.backends[backend].writeInbound(ByteBuffer(string: text))
        self.loop.run()
    }

    /// The connection of a backend is gone.
    func close(_ backend: Int = 0) {
        self.backends[backend].close(promise: nil)
        self.loop.run()
    }

    /// Whether a backend is read from.
    func isRead(_ backend: Int = 0) -> Bool {
        let options = self.backends[backend].options
        return options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
    }

    /// Whether nothing is left of any request.
    var isIdle: Bool {
        self.routes.openRoutes == 0 && self.routes.watchers == 0 && self.ledger.totalBytes == 0
    }
}

/// A client's connection, as the front door has it.
final class RecordingClient: ProxyDownstream {
    let channel: EmbeddedChannel
    var isWritable = true
    /// What was done with the connection besides writing.
    private(set) var events: [String] = []
    /// How many answers of backends have begun.
    private(set) var answers = 0
    private var written = ""
    private var flushed = 0

    init(_ loop: EmbeddedEventLoop) {
        self.channel = EmbeddedChannel(loop: loop)
        self.channel.connect(to: try! SocketAddress(ipAddress: "192.0.2.1", port: 9), promise: nil)
    }

    /// What has come since the last time.
    func takeText() -> String {
        defer { (self.written, self.flushed) = (String(self.written.dropFirst(self.flushed)), 0) }
        return String(self.written.prefix(self.flushed))
    }

    func takeEvents() -> [String] {
        defer { self.events = [] }
        return self.events
    }

    func setReading(_ isReading: Bool) { self.events.append(isReading ? "read" : "paused") }
    func write(_ bytes: ByteBuffer) { self.written += String(buffer: bytes) }
    func flush() { self.flushed = self.written.count }
    func responseBegan() { self.answers += 1 }
    func refused(_ status: HTTPResponseStatus) { self.events.append("refused with \(status.code)") }
    func finish(keepsAlive: Bool) { self.events.append(keepsAlive ? "kept" : "closed") }
    func abort() { self.events.append("aborted") }

    func tunnel(to upstream: any Channel, through handlers: TunnelHandlers) {
        self.events.append("tunnelled")
        do {
            try self.channel.pipeline.syncOperations.addHandler(handlers.client)
            try upstream.pipeline.syncOperations.addHandler(handlers.backend)
        } catch {
            return handlers.onFailure()
        }
        UpstreamPool.removeHTTP(from: upstream)?.assumeIsolated().whenComplete { _ in
            self.channel.flush()
            handlers.onStart()
        }
    }

    // MARK: The tunnel

    func send(_ bytes: ByteBuffer) throws {
        try self.channel.writeInbound(bytes)
        self.channel.embeddedEventLoop.run()
    }

    /// What has come through the tunnel since the last time.
    func received() throws -> ByteBuffer {
        self.channel.embeddedEventLoop.run()
        var all = ByteBuffer()
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(bytes) }
        return all
    }
}

extension ByteBuffer {
    /// A character for each byte.
    var latin1: String { String(String.UnicodeScalarView(self.readableBytesView.map { Unicode.Scalar($0) })) }
}
