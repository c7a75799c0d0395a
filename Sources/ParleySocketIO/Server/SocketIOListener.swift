internal import EngineIO
public import Logging
internal import NIOCore
internal import NIOPosix
internal import ParleyHub
internal import ParleyModel
internal import ParleyTransport

/// A port on which Socket.IO and Engine.IO servers of a program are reached, told apart by their paths.
///
/// ```swift
/// let listener = try await SocketIOListener.start([io], port: 3000)
/// await listener.runUntilCancelled()
/// ```
///
/// One-shot: ``start(_:_:host:port:eventLoops:logger:)``, then ``shutDown()``. Everything between runs on event loops of its own.
public final class SocketIOListener: Sendable {
    /// Why it cannot listen.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        /// A sentence that says what to change.
        public let description: String
    }

    /// Where it listens.
    public let port: Int
    private let hub: Hub
    private let services: ListenerServices
    private let places: PollingPlaces
    private let channels: [any Channel]
    private let group: MultiThreadedEventLoopGroup

    private static let maximumPollingSessions = 8000
    private static let maximumPollingSessionsPerAddress = 2000
    /// Of all that waits for slow readers.
    private static let maximumWaitingBytes = 1 << 30
    /// Of what is kept for clients that come back.
    private static let maximumHistoryBytes = 128 << 20
    private static let headerTimeout = TimeAmount.seconds(10)
    /// Seconds that a body, a frame or a message may go without progress.
    private static let progressTimeout = 30.0
    private static let grace = TimeAmount.seconds(10)

    private init(
        port: Int,
        services: ListenerServices,
        places: PollingPlaces,
        channels: [any Channel],
        group: MultiThreadedEventLoopGroup
    ) {
        self.port = port
        self.hub = services.hub
        self.services = services
        self.places = places
        self.channels = channels
        self.group = group
    }

    /// Listens, and serves from then on.
    /// - Parameters:
    ///   - servers: None of which was started before.
    ///   - engines: The same without Socket.IO on top.
    ///   - host: The address to bind; `nil`: all interfaces.
    ///   - port: 0: any free one; see ``port``.
    ///   - eventLoops: 0: one per core.
    ///   - logger: For what concerns connections; servers have loggers of their own.
    /// - Throws: ``Failure``; nothing is left running then.
    public static func start(
        _ servers: [SocketIOServer],
        _ engines: [EngineIOServer] = [],
        host: String? = nil,
        port: Int,
        eventLoops: Int = 0,
        logger: Logger = Logger(label: "socket.io")
    ) async throws -> SocketIOListener {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: eventLoops > 0 ? eventLoops : System.coreCount)
        let trimmer = MemoryTrimmer()
        let places = PollingPlaces(
            maximum: self.maximumPollingSessions,
            maximumPerAddress: self.maximumPollingSessionsPerAddress
        ) { trimmer.connectionClosed(remaining: $0) }
        do {
            let services = try await self.services(servers, engines, places, Array(group.makeIterator()), logger)
            let bootstrap = ListenerBootstrap(
                group: group,
                keepAlive: KeepAlive(),
                acceptTrouble: AcceptTrouble(logger: logger)
            ) {
                try ConnectionSetup.addHandlers(to: $0, services: services, tls: nil)
            }
            let place = ListenerPlace(name: "Socket.IO server", port: port, setting: "port")
            let channels = try await bootstrap.bind(place, at: .host(host))
            services.state.startListening()
            return SocketIOListener(
                port: channels.first?.localAddress?.port ?? port,
                services: services,
                places: places,
                channels: channels,
                group: group
            )
        } catch {
            try? await group.shutdownGracefully()
            guard let failure = error as? StartFailure else { throw error }
            throw Failure(description: failure.description)
        }
    }

    private static func services(
        _ servers: [SocketIOServer],
        _ engines: [EngineIOServer],
        _ places: PollingPlaces,
        _ eventLoops: [any EventLoop],
        _ logger: Logger
    ) async throws -> ListenerServices {
        let wallTime: @Sendable () -> WallTime = WallTime.now
        let ledger = MemoryLedger(maximumBytes: self.maximumWaitingBytes)
        let failures = HandshakeFailures(labels: [ConnectError.usualLabel], logger: logger)
        var configuration = HubConfiguration(wallTime: wallTime)
        configuration.directWriter = SocketWriter()
        configuration.maximumHistoryBytes = self.maximumHistoryBytes
        configuration.memory = ledger
        let applications = servers as [any EngineApplication] + engines as [any EngineApplication]
        let formats = applications.map {
            SocketIOFormats(in: &configuration.formats, dialect: .socketIO, configuration: $0.configuration)
        }
        for server in servers { server.setPolicy(in: &configuration) }
        let hub = try await Hub(configuration: configuration, eventLoops: eventLoops)
        let endpoints = zip(applications, formats).map { application, formats in
            EngineEndpoint(
                application,
                Site(hub: hub, formats: formats, dialect: .socketIO),
                frameTimeout: self.progressTimeout,
                wallTime: wallTime,
                places: places,
                failures: failures,
                ledger: ledger,
                logger: logger
            )
        }
        return ListenerServices(
            hub: hub,
            state: ServerState(),
            limits: ConnectionLimits(maximum: 0, maximumPerAddress: 0),
            failures: failures,
            ledger: ledger,
            routes: SocketIORoutes(endpoints: endpoints),
            http: NothingHere(),
            headerTimeout: self.headerTimeout,
            bodyTimeout: TimeAmount(self.progressTimeout),
            maximumHeaderBytes: RequestHeadScanner.usualMaximumHeaderBytes,
            trustedProxies: .none,
            logger: logger
        )
    }

    /// How many WebSocket connections and polling sessions are open at present.
    public var connectionCount: Int { self.services.limits.current + self.places.count }

    /// Takes no new sessions, tells every client goodbye, waits for them up to ten seconds, and stops.
    public func shutDown() async {
        self.services.state.startDraining()
        await self.hub.sayGoodbye(within: Self.grace) { self.connectionCount }
        for channel in self.channels { try? await channel.close() }
        try? await self.group.shutdownGracefully()
    }

    /// Waits for the present task to be cancelled, then shuts down.
    public func runUntilCancelled() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        await withTaskCancellationHandler {
            for await _ in stream {}
        } onCancel: {
            continuation.finish()
        }
        await self.shutDown()
    }
}

extension SocketIOServer {
    /// Listens on a port and serves until the task is cancelled; then says goodbye to everybody.
    /// - Parameters:
    ///   - host: The address to bind; `nil`: all interfaces.
    ///   - port: 0: any free one.
    ///   - eventLoops: 0: one per core.
    /// - Throws: ``SocketIOListener/Failure`` when it cannot listen.
    public func run(host: String? = nil, port: Int, eventLoops: Int = 0) async throws {
        let listener = try await SocketIOListener.start([self], host: host, port: port, eventLoops: eventLoops)
        await listener.runUntilCancelled()
    }
}
