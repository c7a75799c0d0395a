internal import Foundation
public import NIOCore
internal import NIOPosix

/// Asks a port for HTTP until it answers.
///
/// Any answer will do, whatever its status: `HEAD / HTTP/1.1`, and ready as soon as the reply starts with `HTTP/`.
public struct ReadinessPoller: Sendable {
    /// While the process is young, it is asked more often.
    private static let eagerPause = TimeAmount.milliseconds(20)
    private static let eagerTime = TimeAmount.seconds(3)
    private static let pause = TimeAmount.milliseconds(100)
    private static let answerTimeout = TimeAmount.seconds(1)

    private let group: any EventLoopGroup

    public init(group: any EventLoopGroup) {
        self.group = group
    }

    /// Returns when the port has answered.
    /// - Throws: `CancellationError` when the task is cancelled; nothing else.
    public func poll(_ address: SocketAddress) async throws {
        let start = NIODeadline.now()
        while true {
            try Task.checkCancellation()
            if await self.ask(address) { return }
            let isYoung = NIODeadline.now() < start + Self.eagerTime
            try await Task.sleep(for: .nanoseconds((isYoung ? Self.eagerPause : Self.pause).nanoseconds))
        }
    }

    private func ask(_ address: SocketAddress) async -> Bool {
        let eventLoop = self.group.next()
        let answer = eventLoop.makePromise(of: Bool.self)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.answerTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Question(answer: answer))
                }
            }
        let connected = bootstrap.connect(to: address)
        connected.whenFailure { _ in answer.succeed(false) }
        let timeout = eventLoop.scheduleTask(in: Self.answerTimeout) { answer.succeed(false) }
        let isReady = (try? await answer.futureResult.get()) ?? false
        timeout.cancel()
        connected.whenSuccess { $0.close(promise: nil) }
        return isReady
    }

    private final class Question: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private static let expected = Array("HTTP/".utf8)
        private let answer: EventLoopPromise<Bool>
        private var received = ByteBuffer()

        init(answer: EventLoopPromise<Bool>) {
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(
                self.wrapOutboundOut(ByteBuffer(string: "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
                promise: nil
            )
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var piece = self.unwrapInboundIn(data)
            self.received.writeBuffer(&piece)
            guard self.received.readableBytes >= Self.expected.count else { return }
            self.answer.succeed(self.received.readableBytesView.starts(with: Self.expected))
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.answer.succeed(false)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
