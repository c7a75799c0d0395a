import NIOCore
import WebSocketProtocol

/// One connection of a ``TestServer``: reads the request by itself, then drives a ``WebSocketConnection`` as the server.
final class TestServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var input = ByteBuffer()
    private var connection: WebSocketConnection?
    private var behaviour = TestBehaviour.echo
    private var isCompressed = false
    private let deflater = SharedDeflater()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        guard self.connection != nil else {
            self.input.writeBuffer(&bytes)
            if let request = TestRequest(&self.input) { self.answer(request, context) }
            return
        }
        self.receive(bytes, context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: The handshake

    private func answer(_ request: TestRequest, _ context: ChannelHandlerContext) {
        guard let behaviour = TestBehaviour(rawValue: request.firstSegment) else {
            return self.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", context)
        }
        self.behaviour = behaviour
        switch behaviour {
        case .refuse:
            self.write("HTTP/1.1 403 Forbidden\r\nX-Why: rules\r\nContent-Length: 11\r\n\r\nNot for you", context)
        case .redirect:
            self.write("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", context)
        case .garbage:
            self.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n", context)
        case .silent:
            break
        default:
            self.upgrade(request, context)
        }
    }

    private func upgrade(_ request: TestRequest, _ context: ChannelHandlerContext) {
        let key = self.behaviour == .wrongAccept ? "AAAAAAAAAAAAAAAAAAAAAA==" : request["sec-websocket-key"]
        let offers = request["sec-websocket-extensions"]
        let compression = PerMessageDeflate.negotiate(offers: [offers], policy: .default)
        var head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += "Sec-WebSocket-Accept: \(WebSocketHandshake.acceptValue(forKey: key))\r\n"
        if let compression { head += "Sec-WebSocket-Extensions: \(compression.responseHeader)\r\n" }
        if let subprotocol = request["sec-websocket-protocol"].split(separator: ",").first {
            head += "Sec-WebSocket-Protocol: \(subprotocol)\r\n"
        }
        self.connection = WebSocketConnection(role: .server, limits: WebSocketLimits(), compression: compression?.0)
        self.isCompressed = compression != nil

        var wire = ByteBuffer(string: head + "\r\n")
        self.writeGreeting(request, into: &wire)
        context.writeAndFlush(self.wrapOutboundOut(wire), promise: nil)
        if self.behaviour == .hasty { context.close(promise: nil) }
    }

    private func writeGreeting(_ request: TestRequest, into wire: inout ByteBuffer) {
        switch self.behaviour {
        case .fragments:
            WebSocketFrame.write(.text, bytes: "Hel".utf8, fin: false, into: &wire)
            WebSocketFrame.write(.ping, bytes: "between", into: &wire)
            WebSocketFrame.write(.continuation, bytes: "lo, ".utf8, fin: false, into: &wire)
            WebSocketFrame.write(.continuation, bytes: "world", into: &wire)
        case .hasty:
            WebSocketFrame.write(.text, bytes: "first", into: &wire)
            WebSocketFrame.writeClose(code: .policyViolation, reason: "Room is full", into: &wire)
        case .wrong:
            wire.writeBytes([0x83, 0x00])
        case .target:
            WebSocketFrame.write(.text, bytes: request.target.utf8, into: &wire)
        default:
            break
        }
    }

    // MARK: Messages

    private func receive(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        var input = bytes
        while let action = self.connection?.receive(&input, inflater: nil), action != .needsMoreInput {
            if self.behaviour == .mute { continue }
            var wire = ByteBuffer()
            switch action {
            case .message(let kind, let payload):
                self.receive(kind, payload, wireBytes: bytes.readableBytes, into: &wire, context)
            case .ping(let payload):
                WebSocketFrame.write(.pong, payload: payload, into: &wire)
            case .peerClosed:
                WebSocketFrame.writeClose(code: self.connection?.closeReply, reason: "", into: &wire)
            case .pong, .closeCompleted, .failed, .needsMoreInput, .hasMoreInput:
                break
            }
            context.writeAndFlush(self.wrapOutboundOut(wire), promise: nil)
            if self.connection?.state == .closed { context.close(promise: nil) }
        }
    }

    private func receive(
        _ kind: WebSocketMessageKind,
        _ payload: ByteBuffer,
        wireBytes: Int,
        into wire: inout ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        switch self.behaviour {
        case .closing:
            _ = self.connection?.beginClose()
            WebSocketFrame.writeClose(code: WebSocketCloseCode(rawValue: 4001), reason: "enough", into: &wire)
        case .dropping:
            context.close(promise: nil)
        case .flood:
            for number in 0..<(Int(String(buffer: payload)) ?? 0) {
                WebSocketFrame.write(.text, bytes: "\(number)".utf8, into: &wire)
            }
        case .wire:
            WebSocketFrame.write(.text, bytes: "\(wireBytes)".utf8, into: &wire)
        default:
            self.echo(kind, payload, into: &wire)
        }
    }

    private func echo(_ kind: WebSocketMessageKind, _ payload: ByteBuffer, into wire: inout ByteBuffer) {
        guard self.isCompressed else {
            return WebSocketFrame.write(kind.opcode, payload: payload, into: &wire)
        }
        var compressed = ByteBuffer()
        self.deflater.compress(payload, into: &compressed)
        WebSocketFrame.write(kind.opcode, payload: compressed, compressed: true, into: &wire)
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}

@available(*, unavailable)
extension TestServerHandler: Sendable {}

/// The head of a request, as far as a test needs it.
struct TestRequest {
    let target: String
    private let headers: [String: String]

    /// - Returns: `nil` when `input` does not have all of it yet.
    init?(_ input: inout ByteBuffer) {
        let text = String(buffer: input)
        guard text.hasSuffix("\r\n\r\n") else { return nil }
        input.clear()
        let lines = text.split(separator: "\r\n")
        self.target = String(lines.first?.split(separator: " ").dropFirst().first ?? "/")
        self.headers = lines.dropFirst().reduce(into: [:]) { headers, line in
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
    }

    /// `/echo/x?y` gives `echo`.
    var firstSegment: String {
        String(self.target.dropFirst().prefix { $0 != "/" && $0 != "?" })
    }

    /// The value of a header field, empty when there is none.
    subscript(name: String) -> String { self.headers[name] ?? "" }
}
