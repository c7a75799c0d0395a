internal import NIOCore
internal import ParleyBackends
internal import ParleyModel
internal import ParleyText

/// Keeps what is no text in the heads of a backend's responses, which the parser behind it would lose.
final class UpstreamBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var heads = ResponseHeads()

    func expectHead() { self.heads.expectHead() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.heads.isInHead else { return context.fireChannelRead(data) }
        var bytes = self.unwrapInboundIn(data)
        let (count, isText) = bytes.withUnsafeReadableBytes { bytes in
            let count = self.heads.scan(bytes)
            return (count, UnsafeRawBufferPointer(rebasing: bytes[..<count]).isASCII)
        }
        if isText { return context.fireChannelRead(data) }
        guard let head = bytes.readSlice(length: count), var escaped = HeaderBytes.escape(head) else {
            return context.fireChannelRead(data)
        }
        escaped.writeImmutableBuffer(bytes)
        context.fireChannelRead(self.wrapInboundOut(escaped))
    }
}

@available(*, unavailable)
extension UpstreamBytes: Sendable {}
