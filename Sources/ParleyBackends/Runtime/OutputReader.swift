internal import NIOCore

/// Splits a process's output into lines, of bounded length.
final class OutputReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// A longer line is cut into several.
    private static let maximumLineBytes = 16 * 1024

    private let output: @Sendable ([String]) -> Void
    private let ended: EventLoopPromise<Void>
    private var pending = ByteBuffer()

    /// - Parameter ended: Succeeds when nobody can write any more.
    init(output: @escaping @Sendable ([String]) -> Void, ended: EventLoopPromise<Void>) {
        self.output = output
        self.ended = ended
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var piece = self.unwrapInboundIn(data)
        self.pending.writeBuffer(&piece)
        var lines: [String] = []
        while let line = self.nextLine() { lines.append(line) }
        self.pending.discardReadBytes()
        if !lines.isEmpty { self.output(lines) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.pending.readableBytes > 0 { self.output([String(buffer: self.pending)]) }
        self.ended.succeed(())
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func nextLine() -> String? {
        let view = self.pending.readableBytesView.prefix(Self.maximumLineBytes)
        if let end = view.firstIndex(of: UInt8(ascii: "\n")) {
            var line = self.pending.readString(length: end - view.startIndex)
            self.pending.moveReaderIndex(forwardBy: 1)
            if line?.utf8.last == UInt8(ascii: "\r") { line?.removeLast() }
            return line
        }
        return view.count == Self.maximumLineBytes ? self.pending.readString(length: view.count) : nil
    }
}
