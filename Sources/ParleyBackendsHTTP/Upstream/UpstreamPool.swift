internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ParleyHub
internal import ParleyTransport

/// The connections of one event loop to backends: makes new ones, and keeps those that wait for their next request.
final class UpstreamPool {
    typealias Initializer = @Sendable (any Channel) -> EventLoopFuture<Void>
    /// Opens a channel on the event loop of the pool, once it is set up.
    typealias Dial = (SocketAddress, @escaping Initializer) -> EventLoopFuture<any Channel>

    private static let connectTimeout = TimeAmount.seconds(10)

    private let eventLoop: any EventLoop
    private let ledger: MemoryLedger
    private let dial: Dial
    private var idle = IdleConnections<SocketAddress, UpstreamConnection>()
    private var sweep: Scheduled<Void>?

    init(eventLoop: any EventLoop, ledger: MemoryLedger, dial: @escaping Dial) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.dial = dial
    }

    convenience init(eventLoop: any EventLoop, keepAlive: KeepAlive?, ledger: MemoryLedger) {
        self.init(eventLoop: eventLoop, ledger: ledger) { address, initializer in
            ClientBootstrap(group: eventLoop)
                .connectTimeout(Self.connectTimeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    keepAlive?.apply(to: channel)
                    return initializer(channel)
                }
                .connect(to: address)
        }
    }

    /// - Returns: A connection that was used before and is open still; `nil`: there is none.
    func takeIdle(to address: SocketAddress) -> UpstreamConnection? {
        while let taken = self.idle.take(to: address, at: self.eventLoop.now) {
            switch taken {
            case .good(let connection) where connection.isActive: return connection
            case .good(let connection), .stale(let connection): connection.close()
            }
        }
        return nil
    }

    func connect(to address: SocketAddress) -> EventLoopFuture<UpstreamConnection> {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let ledger = self.ledger
        return self.dial(address) { channel in
            channel.eventLoop.makeCompletedFuture {
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
        .flatMapThrowing { try $0.pipeline.syncOperations.handler(type: UpstreamConnection.self) }
    }

    /// Takes the handlers of HTTP out of a backend's connection; what came behind the response is passed on.
    /// - Returns: When that has happened.
    static func removeHTTP(from channel: any Channel) -> EventLoopFuture<Void>? {
        let pipeline = channel.pipeline.syncOperations
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
        guard connection.isActive, self.idle.add(connection, to: connection.address, at: self.eventLoop.now) else {
            return connection.close()
        }
        self.scheduleSweep()
    }

    /// One that is closed.
    func remove(_ connection: UpstreamConnection) { self.idle.remove(connection, to: connection.address) }

    private func scheduleSweep() {
        guard self.sweep == nil else { return }
        let idleTime = IdleConnections<SocketAddress, UpstreamConnection>.idleTime
        self.sweep = self.eventLoop.assumeIsolated().scheduleTask(in: idleTime) { self.sweepIdle() }
    }

    private func sweepIdle() {
        self.sweep = nil
        for connection in self.idle.removeStale(at: self.eventLoop.now) { connection.close() }
        if !self.idle.isEmpty { self.scheduleSweep() }
    }
}

@available(*, unavailable)
extension UpstreamPool: Sendable {}
