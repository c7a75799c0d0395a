internal import NIOCore

/// Passes on what happens to one connection. Confined to its event loop.
final class RedisChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let link: RedisLink
    private let attempt: Int
    private let name: String
    private var failure: RedisError?

    init(_ link: RedisLink, attempt: Int, name: String) {
        self.link = link
        self.attempt = attempt
        self.name = name
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.link.received(self.unwrapInboundIn(data), attempt: self.attempt)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = self.failure ?? RedisError(of: error, at: self.name)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.link.closed(attempt: self.attempt, self.failure)
        context.fireChannelInactive()
    }
}

@available(*, unavailable)
extension RedisChannelHandler: Sendable {}
