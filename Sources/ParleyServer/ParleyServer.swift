public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO

/// A Parley server: binds its listeners, serves until it is told to stop, and then says goodbye to everybody.
///
/// One-shot: `start`, then `shutDown`. Everything between runs on the event loops.
public final class ParleyServer: Sendable {
    /// What could not be done at start, in sentences that name the settings to change.
    public struct StartFailure: Error, Sendable, CustomStringConvertible {
        /// One for each thing that is wrong.
        public let reasons: [String]

        public var description: String { self.reasons.joined(separator: "\n") }

        init(description: String) { self.reasons = [description] }

        init(reasons: [String]) { self.reasons = reasons }
    }

    /// A bound listener.
    public struct Address: Sendable {
        public let kind: ServerConfiguration.Listener.Kind
        public let port: Int
    }

    public let addresses: [Address]
    private let composition: ServerComposition
    private let group: MultiThreadedEventLoopGroup
    private let channels: [any Channel]
    private let logger: Logger

    private init(
        addresses: [Address],
        composition: ServerComposition,
        group: MultiThreadedEventLoopGroup,
        channels: [any Channel],
        logger: Logger
    ) {
        self.addresses = addresses
        self.composition = composition
        self.group = group
        self.channels = channels
        self.logger = logger
    }

    /// Binds every listener and begins to serve.
    /// - Throws: ``StartFailure``; nothing is left running then.
    public static func start(
        _ configuration: ServerConfiguration,
        logger: Logger = Logger(label: "parley")
    ) async throws -> ParleyServer {
        let loops = configuration.eventLoops > 0 ? configuration.eventLoops : System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var channels: [any Channel] = []
        var composed: ServerComposition?
        do {
            let tls = try configuration.tls.map { try $0.makeContext() }
            let composition = try await ServerComposition(
                configuration,
                eventLoops: Array(group.makeIterator()),
                logger: logger
            )
            composed = composition
            do {
                try await composition.backends?.start()
            } catch let failure as StoreError {
                throw StartFailure(description: failure.description)
            }
            composition.gatewayServices?.purgeHourly(on: group.next(), logger: logger)
            var addresses: [Address] = []
            var failures: [String] = []
            for listener in configuration.listeners {
                let services = composition.services(for: listener.kind)
                do throws(StartFailure) {
                    let channel = try await Self.bind(
                        listener,
                        configuration,
                        services: services,
                        tls: tls,
                        group: group
                    )
                    channels.append(channel)
                    let port = channel.localAddress?.port ?? listener.port
                    addresses.append(Address(kind: listener.kind, port: port))
                    guard configuration.bindsBothLoopbacks else { continue }
                    if let twin = try await Self.bindTwin(
                        of: listener,
                        at: port,
                        configuration,
                        services: services,
                        tls: tls,
                        group: group
                    ) {
                        channels.append(twin)
                    }
                } catch {
                    failures += error.reasons
                }
            }
            if !failures.isEmpty { throw StartFailure(reasons: failures) }
            composition.backends?.services.listening(proxyPort: addresses.first { $0.kind == .backendsProxy }?.port)
            composition.state.startListening()
            return ParleyServer(
                addresses: addresses,
                composition: composition,
                group: group,
                channels: channels,
                logger: logger
            )
        } catch {
            for channel in channels { try? await channel.close() }
            // Its timers, its threads and what it has started.
            await composed?.backends?.shutDown()
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func bind(
        _ listener: ServerConfiguration.Listener,
        _ configuration: ServerConfiguration,
        services: ListenerServices,
        tls: NIOSSLContext?,
        group: MultiThreadedEventLoopGroup
    ) async throws(StartFailure) -> any Channel {
        // What does not fit into 16 bits would end the process further down.
        guard (0...65535).contains(listener.port) else {
            throw StartFailure(
                description:
                    "The \(listener.kind.rawValue) cannot listen on port \(listener.port): expected a port from 0 to "
                    + "65535. Choose another one with \(listener.setting)."
            )
        }
        let host = configuration.bindsBothLoopbacks ? Self.loopback : configuration.host
        do {
            let bootstrap = Self.bootstrap(configuration, services: services, tls: tls, group: group)
            return try await Self.bind(bootstrap, host: host, port: listener.port)
        } catch {
            throw StartFailure(description: BindFailure.sentence(error, listener, host: host))
        }
    }

    private static let loopback = "127.0.0.1"
    private static let loopback6 = "::1"

    /// The same listener in the other family, which some clients of `localhost` try alone.
    /// - Parameter port: What the first has.
    /// - Returns: `nil` where there is no IPv6, or where somebody else has the port there that chance has given us here.
    private static func bindTwin(
        of listener: ServerConfiguration.Listener,
        at port: Int,
        _ configuration: ServerConfiguration,
        services: ListenerServices,
        tls: NIOSSLContext?,
        group: MultiThreadedEventLoopGroup
    ) async throws(StartFailure) -> (any Channel)? {
        do {
            let bootstrap = Self.bootstrap(configuration, services: services, tls: tls, group: group)
            return try await bootstrap.bind(host: Self.loopback6, port: port).get()
        } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
            return nil
        } catch let error as IOError where error.errnoCode == EADDRINUSE && listener.port == 0 {
            return nil
        } catch {
            throw StartFailure(description: BindFailure.sentence(error, listener, host: Self.loopback6))
        }
    }

    private static func bootstrap(
        _ configuration: ServerConfiguration,
        services: ListenerServices,
        tls: NIOSSLContext?,
        group: MultiThreadedEventLoopGroup
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // What a listener has, the sockets that it accepts have from the start.
                    configuration.keepAlive?.apply(to: channel)
                    try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    try channel.pipeline.syncOperations.addHandler(AcceptPauseHandler(services.acceptTrouble))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ConnectionSetup.setOptions(of: channel)
                    try ConnectionSetup.addHandlers(to: channel, services: services, tls: tls)
                }
            }
    }

    /// All interfaces means both families in one socket; where there is no IPv6, IPv4 alone.
    private static func bind(_ bootstrap: ServerBootstrap, host: String?, port: Int) async throws -> any Channel {
        if let host { return try await bootstrap.bind(host: host, port: port).get() }
        do {
            return try await bootstrap.bind(host: "::", port: port).get()
        } catch let error as IOError where error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
            return try await bootstrap.bind(host: "0.0.0.0", port: port).get()
        }
    }

    /// How many connections are open at present.
    public var connectionCount: Int { self.composition.limits.current + self.composition.places.count }

    /// Makes an anonymous session of the event gateway.
    /// - Returns: Its token; `nil` when there is no gateway.
    /// - Throws: What the session store does.
    public func acquireGatewaySession() async throws -> String? {
        guard let services = self.composition.gatewayServices else { return nil }
        return try await services.acquireSession(metadata: [:]).token
    }

    /// How many rooms of session chat are live: with members, or with a retained history.
    public var liveRoomCount: Int { self.composition.roomLimit.liveCount }

    /// How many session backends have not ended.
    public var liveBackendCount: Int { self.composition.backends?.liveCount ?? 0 }

    /// Turns readiness off, tells every client goodbye in its dialect's code, waits for them up to the grace period, and stops.
    public func shutDown() async {
        self.composition.state.startDraining()
        // They are told to end while everybody else says goodbye.
        async let backends: Void? = self.composition.backends?.shutDown()
        _ = try? await self.composition.hub.collect { shard in
            shard.forEachConnection { $0.delegate?.shutDown() }
        }
        let deadline = NIODeadline.now() + TimeAmount(self.composition.configuration.shutdownGrace)
        while self.connectionCount > 0, NIODeadline.now() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
        await backends
        await self.composition.gatewayServices?.sessions.flush()
        for channel in self.channels { try? await channel.close() }
        try? await self.group.shutdownGracefully()
    }
}

/// The pipeline of a new connection: HTTP until the first request says otherwise.
enum ConnectionSetup {
    /// Set here and not by the bootstrap, which takes three times as long for it.
    static func setOptions(of channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        // Who has said all may still listen: it is up to each protocol what the end of input means.
        try options.setOption(.allowRemoteHalfClosure, value: true)
        // One read, then the next connection: nobody gets more of a loop turn by sending more.
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(.recvAllocator, value: Self.requestReads)
    }

    static func addHandlers(to channel: any Channel, services: ListenerServices, tls: NIOSSLContext?) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let headGuard = RequestHeadGuard(maximumHeaderBytes: services.maximumHeaderBytes)
        let decoder = Self.makeDecoder(maximumHeaderBytes: services.maximumHeaderBytes)
        try pipeline.addHandlers(
            headGuard,
            decoder,
            FrontDoorHandler(
                services: services,
                headGuard: headGuard,
                decoder: decoder,
                isSecure: tls != nil,
                now: channel.eventLoop.now
            )
        )
    }

    /// How much is read at once while HTTP is spoken. All that one read brings is parsed in one go, and a request may be short.
    static var requestReads: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 4096)
    }

    /// The same for WebSocket and tunnels, which have shares of their own.
    static var streamReads: AdaptiveRecvByteBufferAllocator { AdaptiveRecvByteBufferAllocator() }

    static func makeDecoder(maximumHeaderBytes: Int) -> ByteToMessageHandler<HTTPRequestDecoder> {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = maximumHeaderBytes
        limits.maxHeaderListSize = maximumHeaderBytes + RequestHeadScanner.maximumRequestLineBytes
        limits.maxHeaderFieldCount = RequestHeadScanner.maximumHeaderFields
        return ByteToMessageHandler(
            HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes,
                informationalResponseStrategy: .drop,
                limitConfiguration: limits
            )
        )
    }
}
