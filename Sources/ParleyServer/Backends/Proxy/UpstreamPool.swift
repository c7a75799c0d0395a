internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ParleyHub

/// The connections of one event loop to backends that wait for their next request.
final class UpstreamPool {
    private static let connectTimeout = TimeAmount.seconds(10)
    /// Below the five seconds after which Node closes a connection that nobody uses.
    private static let idleTime = TimeAmount.seconds(4)
    private static let maximumIdlePerBackend = 64

    private struct Idle {
        let connection: UpstreamConnection
        let since: NIODeadline
    }

    private let eventLoop: any EventLoop
    private let keepAlive: KeepAlive?
    private var idle: [SocketAddress: [Idle]] = [:]
    private var sweep: Scheduled<Void>?

    private let ledger: MemoryLedger

    init(eventLoop: any EventLoop, keepAlive: KeepAlive?, ledger: MemoryLedger) {
        self.eventLoop = eventLoop
        self.keepAlive = keepAlive
        self.ledger = ledger
    }

    /// - Returns: A connection that was used before and is open still; `nil`: there is none.
    func takeIdle(to address: SocketAddress) -> UpstreamConnection? {
        while let last = self.idle[address]?.popLast() {
            if last.connection.isActive, last.since + Self.idleTime > self.eventLoop.now { return last.connection }
            last.connection.close()
        }
        return nil
    }

    func connect(to address: SocketAddress) -> EventLoopFuture<UpstreamConnection> {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let (eventLoop, keepAlive, ledger) = (self.eventLoop, self.keepAlive, self.ledger)
        return ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    keepAlive?.apply(to: channel)
                    let bytes = UpstreamBytes()
                    let connection = UpstreamConnection(address: address, bytes: bytes, ledger: ledger)
                    connection.pool = bound.value
                    try channel.pipeline.syncOperations.addHandlers(
                        bytes,
                        UpstreamRequestEncoder(),
                        ByteToMessageHandler(
                            HTTPResponseDecoder(
                                leftOverBytesStrategy: .forwardBytes,
                                informationalResponseStrategy: .forward
                            )
                        ),
                        connection
                    )
                }
            }
            .connect(to: address)
            .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: UpstreamConnection.self) }
    }

    /// Takes the handlers of HTTP out of a backend's connection; what came behind the response is passed on.
    /// - Returns: When that has happened.
    static func removeHTTP(from pipeline: ChannelPipeline.SynchronousOperations) -> EventLoopFuture<Void>? {
        if let bytes = try? pipeline.handler(type: UpstreamBytes.self) {
            pipeline.removeHandler(bytes).whenFailure { _ in }
        }
        if let encoder = try? pipeline.handler(type: UpstreamRequestEncoder.self) {
            pipeline.removeHandler(encoder).whenFailure { _ in }
        }
        if let connection = try? pipeline.handler(type: UpstreamConnection.self) {
            pipeline.removeHandler(connection).whenFailure { _ in }
        }
        return (try? pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)).map {
            pipeline.removeHandler($0)
        }
    }

    /// Keeps a connection for the next request.
    func giveBack(_ connection: UpstreamConnection) {
        connection.delegate = nil
        connection.setReading(true)
        guard connection.isActive, self.idle[connection.address, default: []].count < Self.maximumIdlePerBackend else {
            return connection.close()
        }
        connection.isReused = true
        self.idle[connection.address, default: []].append(Idle(connection: connection, since: self.eventLoop.now))
        self.scheduleSweep()
    }

    func remove(_ connection: UpstreamConnection) {
        self.idle[connection.address]?.removeAll { $0.connection === connection }
        if self.idle[connection.address]?.isEmpty == true { self.idle[connection.address] = nil }
    }

    private func scheduleSweep() {
        guard self.sweep == nil else { return }
        self.sweep = self.eventLoop.assumeIsolated().scheduleTask(in: Self.idleTime) { self.sweepIdle() }
    }

    private func sweepIdle() {
        self.sweep = nil
        let limit = self.eventLoop.now - Self.idleTime
        for connection in self.idle.values.flatMap({ $0.filter { $0.since <= limit } }).map(\.connection) {
            connection.close()
            self.remove(connection)
        }
        if !self.idle.isEmpty { self.scheduleSweep() }
    }
}

@available(*, unavailable)
extension UpstreamPool: Sendable {}
