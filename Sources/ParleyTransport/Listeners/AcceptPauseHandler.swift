internal import Foundation
internal import NIOCore

/// Pauses a listener that cannot accept; on its server channel.
final class AcceptPauseHandler: ChannelInboundHandler {
    typealias InboundIn = Channel

    private let trouble: AcceptTrouble
    private var pause = AcceptPause()
    private var resumption: Scheduled<Void>?
    private var look: Scheduled<Void>?

    init(_ trouble: AcceptTrouble) {
        self.trouble = trouble
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Others are of one connection, ECONNABORTED for instance.
        guard let code = (error as? IOError)?.errnoCode, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) else {
            return context.fireErrorCaught(error)
        }
        guard self.resumption == nil else { return }
        self.look?.cancel()
        self.look = nil
        guard case .pause(let time, let isFirst) = self.pause.failed(now: context.eventLoop.now) else { return }
        self.trouble.failed(code, isFirst: isFirst)
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        self.resumption = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.resumption = nil
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.look == nil, case .lookAgain(let time) = self.pause.accepted() {
            self.look = context.eventLoop.assumeIsolated().scheduleTask(deadline: time) {
                self.look = nil
                if self.pause.isOver(now: context.eventLoop.now) { self.trouble.isOver() }
            }
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.resumption?.cancel()
        self.look?.cancel()
        (self.resumption, self.look) = (nil, nil)
        context.fireChannelInactive()
    }
}
