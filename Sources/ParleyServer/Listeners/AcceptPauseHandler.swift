internal import Foundation
internal import Logging
internal import NIOCore
internal import ParleyModel
internal import Synchronization

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

/// What the listeners of a process have in common when they cannot accept: they lack the same descriptors.
final class AcceptTrouble: Sendable {
    private struct State {
        var count = 0
        /// Listeners that cannot accept at present.
        var failing = 0
        var countAtStart = 0
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// How often a connection could not be accepted.
    var count: Int { self.state.withLock { $0.count } }

    /// - Parameter isFirst: Whether the listener could accept before.
    func failed(_ code: CInt, isFirst: Bool) {
        let isBeginning = self.state.withLock { state in
            state.count += 1
            guard isFirst else { return false }
            state.failing += 1
            if state.failing == 1 { state.countAtStart = state.count }
            return state.failing == 1
        }
        guard isBeginning else { return }
        self.logger.error(
            "No connection can be accepted. Those that wait are tried again. Raise the limit of open files, or lower PARLEY_MAX_CONNECTIONS",
            metadata: ["reason": "\(SystemFailure(code: code).description)"]
        )
    }

    func isOver() {
        let failures = self.state.withLock { state -> Int? in
            state.failing -= 1
            return state.failing == 0 ? state.count - state.countAtStart + 1 : nil
        }
        guard let failures else { return }
        self.logger.notice("Connections are accepted again", metadata: ["failures": .stringConvertible(failures)])
    }
}
