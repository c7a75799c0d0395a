internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import RESP

/// Does what a ``RedisLinkMachine`` says. Confined to its event loop; lives until it is closed.
final class RedisLink {
    typealias Machine = RedisLinkMachine<RedisPending>

    /// Where the server is, known or to be asked for.
    enum Place {
        case address(RedisAddress)
        case sentinel(RedisSentinelResolver)
    }

    private let eventLoop: any EventLoop
    private let place: Place
    private let connectTimeout: TimeAmount
    private let tls: NIOSSLContext?
    private var machine: Machine
    private var transport: (channel: any Channel, attempt: Int)?
    /// The server that is connected to, or was last.
    private(set) var address: RedisAddress?
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?
    private var isDraining = false
    private var isClosed = false
    private var isFlushScheduled = false
    /// Gets every action that is not the link's own, and may ask for more meanwhile.
    private var perform: ((Machine.Action) -> Void)?

    init(
        to place: Place,
        _ settings: Machine.Settings,
        tls: NIOSSLContext?,
        eventLoop: any EventLoop,
        seed: UInt64
    ) {
        self.place = place
        self.connectTimeout = settings.connection.connectTimeout
        self.tls = tls
        self.eventLoop = eventLoop
        self.machine = Machine(settings, seed: seed)
        if case .address(let address) = place { self.address = address }
    }

    func onAction(_ perform: @escaping (Machine.Action) -> Void) {
        self.perform = perform
    }

    var isUp: Bool { self.machine.isUp }
    var isInBackoff: Bool { self.machine.isInBackoff }
    var waitingCount: Int { self.machine.waitingCount }
    var waitingBytes: Int { self.machine.waitingBytes }

    // MARK: Asking

    func start() { self.event { $0.start(now: $1) } }

    func send(_ pending: RedisPending, asking: Bool = false) {
        self.event { $0.send(pending.command.bytes, pending, asking: asking, now: $1) }
    }

    func send(_ order: RedisSubscriptionOrder) { self.event { $0.send(order, now: $1) } }

    func reconnect(_ error: RedisError) { self.event { $0.reconnect(error, now: $1) } }

    func release() -> [RedisPending] { self.machine.release() }

    /// What waits fails. May be called from within an action.
    func close() {
        self.isClosed = true
        self.event { machine, _ in machine.close() }
    }

    // MARK: Hearing

    func received(_ bytes: ByteBuffer, attempt: Int) { self.event { $0.received(bytes, attempt: attempt, now: $1) } }

    func closed(attempt: Int, _ error: RedisError?) {
        if self.transport?.attempt == attempt { self.transport = nil }
        self.event { machine, _ in machine.closed(attempt: attempt, error) }
    }

    private func event(_ tell: (inout Machine, NIODeadline) -> Void) {
        tell(&self.machine, self.eventLoop.now)
        self.drain()
    }

    /// Whoever is called from here may come back with more; it is done in its turn.
    private func drain() {
        guard !self.isDraining else { return }
        self.isDraining = true
        let now = self.eventLoop.now
        while let action = self.machine.next(now: now) {
            switch action {
            case .connect(let attempt): self.connect(attempt)
            case .disconnect(let attempt): self.disconnect(attempt)
            case .write(let bytes): self.write(bytes)
            default: self.perform?(action)
            }
        }
        self.isDraining = false
        guard !self.isClosed else {
            self.timer?.task.cancel()
            self.timer = nil
            self.perform = nil
            return
        }
        self.scheduleTick()
    }

    // MARK: Time

    /// One timer that is left to run when the time to wake moves on, as it does with every answer.
    private func scheduleTick() {
        guard let deadline = self.machine.deadline else { return }
        if let timer = self.timer {
            guard deadline < timer.at else { return }
            timer.task.cancel()
        }
        let task = self.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.timer = nil
            self.event { $0.tick(now: $1) }
        }
        self.timer = (task, deadline)
    }

    // MARK: The connection

    private func connect(_ attempt: Int) {
        switch self.place {
        case .address(let address): self.connect(attempt, to: address)
        case .sentinel(let resolver):
            resolver.resolve { result in
                switch result {
                case .success(let address): self.connect(attempt, to: address)
                case .failure(let error): self.event { $0.failedToConnect(attempt: attempt, error, now: $1) }
                }
            }
        }
    }

    private func connect(_ attempt: Int, to address: RedisAddress) {
        self.address = address
        let link = NIOLoopBound(self, eventLoop: self.eventLoop)
        let tls = self.tls
        let bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(Self.makeTLSHandler(tls, host: address.host)) }
                    try pipeline.addHandler(RedisChannelHandler(link.value, attempt: attempt, name: "\(address)"))
                }
            }
        bootstrap.connect(host: address.host, port: address.port).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                // One that was given up may succeed after the one that was made in its place.
                if let newer = self.transport, newer.attempt > attempt { return channel.close(promise: nil) }
                self.transport?.channel.close(promise: nil)
                self.transport = (channel, attempt)
                self.event { $0.connected(attempt: attempt, now: $1) }
            case .failure(let error):
                let error = RedisError(of: error, at: "\(address)")
                self.event { $0.failedToConnect(attempt: attempt, error, now: $1) }
            }
        }
    }

    /// An address is no server name (RFC 6066 §3); the certificate is then checked for the address itself.
    private static func makeTLSHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }

    private func disconnect(_ attempt: Int) {
        guard let transport = self.transport, transport.attempt == attempt else { return }
        self.transport = nil
        transport.channel.close(promise: nil)
    }

    private func write(_ bytes: ByteBuffer) {
        guard let transport = self.transport else { return }
        transport.channel.write(bytes, promise: nil)
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        // Whatever else is asked for in this turn of the loop goes with it.
        self.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.transport?.channel.flush()
        }
    }
}

@available(*, unavailable)
extension RedisLink: Sendable {}
