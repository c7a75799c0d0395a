import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A whiteboard for everybody who has its URL: a session backend, one process for each drawing.
///
/// `GET` answers the page; a WebSocket gets all lines so far, one message each, and then what others draw.
@main
struct Whiteboard {
    static func main() async throws {
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap { Int($0) } ?? 8090
        let board = Board()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Self.negotiate(on: channel) }
            }
        // Nothing is kept, so that there is nothing to do at the end.
        signal(SIGTERM) { _ in _exit(0) }
        print(
            "A whiteboard for \(ProcessInfo.processInfo.environment["SESSION_BACKEND_KEY"] ?? "everybody") on \(port)"
        )
        // Whoever reads the output of a backend reads it from a pipe, for which it would wait otherwise.
        fflush(nil)
        try await withThrowingDiscardingTaskGroup { group in
            try await server.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { try? await Self.serve(connection, board) }
                }
            }
        }
    }

    private typealias HTTP = NIOAsyncChannel<HTTPServerRequestPart, HTTPPart<HTTPResponseHead, ByteBuffer>>

    private enum Connection: Sendable {
        case page(HTTP)
        case socket(NIOAsyncChannel<WebSocketFrame, WebSocketFrame>)
    }

    private static func negotiate(on channel: any Channel) throws -> EventLoopFuture<Connection> {
        let upgrader = NIOTypedWebSocketServerUpgrader<Connection>(
            maxFrameSize: 1 << 16,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    .socket(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
                }
            }
        )
        return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(
                upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration(upgraders: [upgrader]) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ResponsePartHandler())
                        return .page(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
                    }
                }
            )
        )
    }

    private static func serve(_ connection: EventLoopFuture<Connection>, _ board: Board) async throws {
        switch try await connection.get() {
        case .page(let channel):
            try await channel.executeThenClose { requests, responses in
                for try await part in requests {
                    guard case .head(let request) = part else { continue }
                    let page = ByteBuffer(string: Self.page)
                    let headers: HTTPHeaders = [
                        "Content-Type": "text/html; charset=utf-8", "Content-Length": "\(page.readableBytes)",
                    ]
                    try await responses.write(.head(HTTPResponseHead(version: .http1_1, status: .ok, headers: headers)))
                    if request.method != .HEAD { try await responses.write(.body(page)) }
                    try await responses.write(.end(nil))
                }
            }
        case .socket(let channel):
            try await channel.executeThenClose { frames, out in
                let (number, lines) = board.join()
                defer { board.leave(number) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for await line in lines { try await out.write(.text(line)) } }
                    group.addTask {
                        for try await frame in frames {
                            switch frame.opcode {
                            case .text: board.draw(String(buffer: frame.unmaskedData), by: number)
                            case .ping:
                                try await out.write(WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData))
                            case .connectionClose: return
                            default: break
                            }
                        }
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
        }
    }
}

/// Lets bodies be buffers, which may cross to another task where files may not.
private final class ResponsePartHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPResponseHead, ByteBuffer>
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPServerResponsePart
        switch self.unwrapOutboundIn(data) {
        case .head(let head): part = .head(head)
        case .body(let body): part = .body(.byteBuffer(body))
        case .end(let trailers): part = .end(trailers)
        }
        context.write(self.wrapOutboundOut(part), promise: promise)
    }
}

extension WebSocketFrame {
    static func text(_ text: String) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text))
    }
}

/// What was drawn, and who watches.
private final class Board: Sendable {
    /// Older lines fade away.
    private static let maximumLines = 5000

    private struct State: Sendable {
        var lines: [String] = []
        var watchers: [Int: AsyncStream<String>.Continuation] = [:]
        var next = 0
    }

    private let state = NIOLockedValueBox(State())

    func join() -> (number: Int, lines: AsyncStream<String>) {
        let (stream, watcher) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingNewest(10_000))
        return self.state.withLockedValue { state in
            for line in state.lines { watcher.yield(line) }
            state.next += 1
            state.watchers[state.next] = watcher
            return (state.next, stream)
        }
    }

    func draw(_ line: String, by number: Int) {
        self.state.withLockedValue { state in
            state.lines.append(line)
            if state.lines.count > Self.maximumLines { state.lines.removeFirst() }
            for (other, watcher) in state.watchers where other != number { watcher.yield(line) }
        }
    }

    func leave(_ number: Int) {
        self.state.withLockedValue { $0.watchers.removeValue(forKey: number) }?.finish()
    }
}

extension Whiteboard {
    fileprivate static let page = """
        <!doctype html>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Whiteboard</title>
        <style>html, body, canvas { margin: 0; height: 100%; width: 100%; touch-action: none }</style>
        <canvas></canvas>
        <script>
        const canvas = document.querySelector("canvas"), context = canvas.getContext("2d")
        canvas.width = innerWidth; canvas.height = innerHeight
        const color = `hsl(${Math.random() * 360} 80% 45%)`
        // Relative: the page lives behind the token in its path.
        const socket = new WebSocket(new URL("socket", location.href).href.replace(/^http/, "ws"))
        const draw = ({ from, to, color }) => {
          context.strokeStyle = color; context.lineWidth = 3; context.lineCap = "round"
          context.beginPath(); context.moveTo(...from); context.lineTo(...to); context.stroke()
        }
        socket.onmessage = (message) => draw(JSON.parse(message.data))
        let last
        onpointerdown = (event) => { last = [event.clientX, event.clientY] }
        onpointerup = () => { last = undefined }
        onpointermove = (event) => {
          if (!last) return
          const line = { from: last, to: [event.clientX, event.clientY], color }
          last = line.to
          draw(line)
          socket.send(JSON.stringify(line))
        }
        </script>

        """
}
