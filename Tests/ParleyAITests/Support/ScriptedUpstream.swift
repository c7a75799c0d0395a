import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// An HTTP server on a free port that answers every request as its script says.
final class ScriptedUpstream: Sendable {
    enum Step: Sendable {
        case head(HTTPResponseStatus, contentType: String = "text/event-stream", fields: [String: String] = [:])
        case bytes(String)
        case raw([UInt8])
        /// Every ten milliseconds, as long as somebody is there.
        case forever(String)
        case end
        /// Without an end of the response.
        case close
    }

    struct Received: Sendable {
        var head: HTTPRequestHead
        var body: String
    }

    private let channel: any Channel
    private let state = Mutex<[Received]>([])
    /// One element for each connection that ended.
    let disconnections: AsyncStream<Void>
    private let disconnected: AsyncStream<Void>.Continuation

    static func run<Result>(
        _ script: [Step],
        _ body: (ScriptedUpstream) async throws -> Result
    ) async throws -> Result {
        let box = Mutex<ScriptedUpstream?>(nil)
        let (disconnections, disconnected) = AsyncStream.makeStream(of: Void.self)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    let handler = Handler(script: script) { received in
                        box.withLock { $0 }?.state.withLock { $0.append(received) }
                    } ended: {
                        disconnected.yield()
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let upstream = ScriptedUpstream(channel, disconnections, disconnected)
        box.withLock { $0 = upstream }
        let result: Result
        do {
            result = try await body(upstream)
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
        return result
    }

    private init(
        _ channel: any Channel,
        _ disconnections: AsyncStream<Void>,
        _ disconnected: AsyncStream<Void>.Continuation
    ) {
        self.channel = channel
        self.disconnections = disconnections
        self.disconnected = disconnected
    }

    var baseURL: String { "http://127.0.0.1:\(self.channel.localAddress?.port ?? 0)/v1" }
    var requests: [Received] { self.state.withLock { $0 } }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let script: [Step]
        private let received: (Received) -> Void
        private let ended: () -> Void
        private var head: HTTPRequestHead?
        private var body = ""

        init(script: [Step], received: @escaping (Received) -> Void, ended: @escaping () -> Void) {
            self.script = script
            self.received = received
            self.ended = ended
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                self.body = ""
            case .body(let bytes):
                self.body += String(buffer: bytes)
            case .end:
                guard let head = self.head else { return }
                self.received(Received(head: head, body: self.body))
                for step in self.script { self.perform(step, context) }
            }
        }

        private func perform(_ step: Step, _ context: ChannelHandlerContext) {
            switch step {
            case .head(let status, let contentType, let fields):
                var head = HTTPResponseHead(version: .http1_1, status: status, headers: ["Content-Type": contentType])
                for (name, value) in fields { head.headers.add(name: name, value: value) }
                context.writeAndFlush(self.wrapOutboundOut(.head(head)), promise: nil)
            case .bytes(let text):
                self.send(ByteBuffer(string: text), context)
            case .raw(let bytes):
                self.send(ByteBuffer(bytes: bytes), context)
            case .forever(let text):
                self.send(ByteBuffer(string: text), context)
                context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(10)) {
                    if context.channel.isActive { self.perform(step, context) }
                }
            case .end:
                context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            case .close:
                context.close(promise: nil)
            }
        }

        private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { self.ended() }
    }
}

extension ScriptedUpstream.Step: CustomTestStringConvertible {
    /// Short, as some steps send much.
    var testDescription: String {
        switch self {
        case .head(let status, let contentType, _): "\(status.code) \(contentType)"
        case .bytes(let text): "\(text.prefix(60))"
        case .raw(let bytes): "\(bytes)"
        case .forever(let text): "\(text) …"
        case .end: "end"
        case .close: "close"
        }
    }
}
