import Logging
import NIOCore
import NIOEmbedded
import ParleyDialects
import ParleyHub
import ParleyModel
import WebSocketProtocol

@testable import ParleyTransport

/// A client, and the handler of its connection, on loops that run when a test says so.
final class EmbeddedPeer {
    /// What governs the connection.
    struct Setup {
        /// `nil` for an echo.
        var topic: String?
        /// Whether the topic's home is another event loop.
        var isHomeElsewhere = false
        var limits = WebSocketLimits()
        var clock = ClockPolicy()
        var slowConsumer = SlowConsumerPolicy()
        var compression: PerMessageDeflate?
    }

    let handler: WebSocketHandler
    let ledger = MemoryLedger(maximumBytes: 64 << 20)
    let limits = ConnectionLimits(maximum: 0, maximumPerAddress: 0)
    private let hub: Hub
    private let loop = EmbeddedEventLoop()
    private let otherLoop = EmbeddedEventLoop()
    private let channel: EmbeddedChannel
    private let transport = EmbeddedTransport()
    private var frames: WebSocketConnection
    private var inflater = SharedInflater()
    private var isAnswered = false

    /// Meets `body` with a connection whose handshake is through, but for its answer.
    static func meet(_ setup: Setup = Setup(), _ body: (EmbeddedPeer) throws -> Void) throws {
        let peer = try EmbeddedPeer(setup)
        defer { peer.goHome() }
        try body(peer)
    }

    private init(_ setup: Setup) throws {
        var configuration = HubConfiguration(wallTime: { WallTime(milliseconds: 1_704_110_400_000) })
        let formats = WebSocketFormats(RelayEncoder(), of: .relay, compressing: true, in: &configuration.formats)
        let hub = Hub(configuration: configuration, embedded: [self.loop, self.otherLoop])
        self.hub = hub
        let profile = ConnectionProfile(
            dialect: .relay,
            formats: formats,
            limits: setup.limits,
            slowConsumer: setup.slowConsumer,
            clock: setup.clock,
            shutdown: .serverShuttingDown,
            ledger: self.ledger,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let topic = setup.topic.map { Self.topic($0, in: hub, onShard: setup.isHomeElsewhere ? 1 : 0) }
        let acceptance = Acceptance(
            profile: profile,
            dialect: RelayDialect(join: topic.map { JoinRequest(topic: $0, memberID: "peer", memberName: "peer") })
        )
        self.handler = acceptance.makeHandler(
            HandshakeEnvironment(
                hub: hub,
                shard: hub.shard(on: self.loop),
                compression: setup.compression,
                permit: try self.limits.acquire(ip: nil).get(),
                client: nil,
                isSecure: false
            )
        )
        self.frames = WebSocketConnection(
            role: .client,
            limits: WebSocketLimits(maximumMessageBytes: 64 << 20),
            compression: setup.compression
        )
        self.channel = EmbeddedChannel(handlers: [self.transport, self.handler], loop: self.loop)
        try self.channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
        self.handler.start(answering: "dGhlIHNhbXBsZSBub25jZQ==", extensions: nil)
    }

    private static func topic(_ name: String, in hub: Hub, onShard shard: UInt64) -> TopicName {
        var topic = TopicName(name)
        var number = 0
        while hub.configuration.key(topic, for: .relay).stableHash % UInt64(hub.shardCount) != shard {
            number += 1
            topic = TopicName("\(name)\(number)")
        }
        return topic
    }

    private func goHome() {
        _ = try? self.channel.finish(acceptAlreadyClosed: true)
        self.run()
        try? self.loop.syncShutdownGracefully()
        try? self.otherLoop.syncShutdownGracefully()
    }

    // MARK: What it does

    /// Sends frames in one piece.
    func says(_ frames: ByteBuffer...) throws {
        try self.sends(frames)
        self.run()
    }

    /// As ``says(_:)``, and nothing else happens yet.
    func sends(_ frames: [ByteBuffer]) throws {
        try self.channel.writeInbound(ClientFrame.joined(frames))
    }

    /// Ends its side of the transport.
    func shutsItsSide() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        self.run()
    }

    /// Its end of the transport takes nothing, or again.
    func stopsReading() { self.transport.isStuck = true }
    func readsAgain() {
        self.transport.isStuck = false
        self.transport.flush()
        self.run()
    }

    /// What has come to it, in words.
    func hears() -> [String] {
        self.run()
        var heard: [String] = []
        while var bytes = self.nextWrite() {
            if !self.isAnswered {
                self.isAnswered = true
                heard.append(String(buffer: bytes.readSlice(length: 12) ?? ByteBuffer()))
                while let end = bytes.getBytes(at: bytes.readerIndex, length: 4), end != Array("\r\n\r\n".utf8) {
                    bytes.moveReaderIndex(forwardBy: 1)
                }
                bytes.moveReaderIndex(forwardBy: 4)
            }
            heard += self.words(&bytes)
        }
        return heard
    }

    private func nextWrite() -> ByteBuffer? {
        (try? self.channel.readOutbound(as: ByteBuffer.self)) ?? nil
    }

    private func words(_ bytes: inout ByteBuffer) -> [String] {
        var words: [String] = []
        while true {
            switch self.frames.receive(&bytes, inflater: self.inflater) {
            case .needsMoreInput: return words
            case .hasMoreInput: continue
            case .message(.text, let text): words.append("text \(String(buffer: text))")
            case .message(.binary, let message): words.append("binary \(message.readableBytes)")
            case .ping(let payload): words.append("ping \(String(buffer: payload))")
            case .pong(let payload): words.append("pong \(String(buffer: payload))")
            case .peerClosed(let code, let reason): words.append("close \(code?.rawValue ?? 0) \(reason)")
            case .closeCompleted: words.append("close")
            case .failed(let failure): words.append("failed: \(failure.reason)")
            }
        }
    }

    // MARK: What happens

    /// All that can happen without time passing, on the connection's loop.
    func run() { self.loop.run() }

    /// The same on the loop of the topic's home, and then here.
    func homeRuns() {
        self.otherLoop.run()
        self.run()
    }

    func passes(_ time: TimeAmount) {
        self.loop.advanceTime(by: time)
        self.run()
    }

    var isConnected: Bool { self.channel.isActive }
    var hasSeenTheEnd: Bool { self.transport.isOutputShut || !self.isConnected }
    var isRead: Bool { self.transport.autoRead(of: self.channel) }
    var metrics: HubMetrics { self.hub.shard(on: self.loop).metrics }
}

/// The transport's end of the pipeline: it may be stuck, and knows of sides that are shut.
final class EmbeddedTransport: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var isStuck = false
    private(set) var isOutputShut = false
    private var waiting: [(NIOAny, EventLoopPromise<Void>?)] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.waiting.append((data, promise))
    }

    func flush(context: ChannelHandlerContext) { self.flush() }

    func flush() {
        guard !self.isStuck, let context = self.context else { return }
        let writes = self.waiting
        self.waiting = []
        for (data, promise) in writes { context.write(data, promise: promise) }
        context.flush()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            self.isOutputShut = true
            promise?.succeed(())
        case .input, .all:
            for (_, promise) in self.waiting { promise?.fail(ChannelError.ioOnClosedChannel) }
            self.waiting = []
            context.close(mode: mode, promise: promise)
        }
    }

    func autoRead(of channel: EmbeddedChannel) -> Bool {
        channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
    }
}
