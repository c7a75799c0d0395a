internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// Writes requests as they are: whoever gives the head has decided how the body is framed.
final class UpstreamRequestEncoder: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    private var isChunked = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(let head):
            self.isChunked = head.headers.contains(name: "Transfer-Encoding")
            var bytes = context.channel.allocator.buffer(capacity: 512)
            bytes.writeString(head.method.rawValue)
            bytes.writeStaticString(" ")
            HeaderBytes.write(head.uri, to: &bytes)
            bytes.writeStaticString(" HTTP/1.1\r\n")
            bytes.writeHeaders(head.headers)
            context.write(self.wrapOutboundOut(bytes), promise: promise)
        case .body(.byteBuffer(let piece)):
            guard self.isChunked else { return context.write(self.wrapOutboundOut(piece), promise: promise) }
            guard piece.readableBytes > 0 else {
                promise?.succeed()
                return
            }
            context.write(self.wrapOutboundOut(.chunkHeader(piece.readableBytes)), promise: nil)
            context.write(self.wrapOutboundOut(piece), promise: nil)
            context.write(self.wrapOutboundOut(ByteBuffer(staticString: "\r\n")), promise: promise)
        case .body(.fileRegion):
            preconditionFailure("files are never proxied")
        case .end:
            guard self.isChunked else {
                promise?.succeed()
                return
            }
            context.write(self.wrapOutboundOut(ByteBuffer(staticString: "0\r\n\r\n")), promise: promise)
        }
    }
}
