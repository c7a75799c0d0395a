internal import NIOCore

/// Splits a process's output into lines, of bounded length.
final class OutputReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let output: @Sendable ([String]) -> Void
    private let ended: EventLoopPromise<Void>
    private var lines = LineSplitter()

    /// - Parameter ended: Succeeds when nobody can write any more.
    init(output: @escaping @Sendable ([String]) -> Void, ended: EventLoopPromise<Void>) {
        self.output = output
        self.ended = ended
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let lines = self.lines.append(self.unwrapInboundIn(data))
        if !lines.isEmpty { self.output(lines) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let rest = self.lines.rest() { self.output([rest]) }
        self.ended.succeed(())
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
