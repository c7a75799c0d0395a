internal import NIOCore

/// Cuts what comes after each end of an HTTP head, so that the bytes behind the answer to the handshake are never seen by
/// the HTTP decoder. It would keep them until it is removed, and drop them if the connection ended before that.
final class ResponseHeadSplitter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// How many bytes of the empty line that ends a head, CR LF CR LF, have come.
    private var matched = 0
    private var isStopped = false

    /// No more heads are to come.
    func stop() {
        self.isStopped = true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        while !self.isStopped, let count = self.endOfHead(input.readableBytesView),
            let head = input.readSlice(length: count)
        {
            context.fireChannelRead(self.wrapInboundOut(head))
        }
        if input.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(input)) }
    }

    /// The number of bytes up to the end of a head.
    private func endOfHead(_ bytes: ByteBufferView) -> Int? {
        for (offset, byte) in bytes.enumerated() {
            let expected = self.matched.isMultiple(of: 2) ? UInt8(ascii: "\r") : UInt8(ascii: "\n")
            self.matched = byte == expected ? self.matched + 1 : byte == UInt8(ascii: "\r") ? 1 : 0
            if self.matched == 4 {
                self.matched = 0
                return offset + 1
            }
        }
        return nil
    }
}

@available(*, unavailable)
extension ResponseHeadSplitter: Sendable {}
