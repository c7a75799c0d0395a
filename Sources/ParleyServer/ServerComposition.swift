internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ParleyBackends
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import WebSocketProtocol

/// Hub, endpoints and APIs, made from a configuration and wired to each other.
struct ServerComposition: Sendable {
    let configuration: ServerConfiguration
    let hub: Hub
    let state = ServerState()
    let limits: ConnectionLimits
    /// Of sessions that poll: they have no connection.
    let places: PollingPlaces
    let failures: HandshakeFailures
    let acceptTrouble: AcceptTrouble
    let ledger: MemoryLedger
    let roomLimit: TopicLimit
    let endpoints: Endpoints
    let socketIO: [EngineEndpoint]
    let gateway: GatewayEndpoints?
    let backends: BackendsHost?
    let registry: ChannelRegistry
    let rooms: IssuedRooms
    let logger: Logger

    struct Endpoints: Sendable {
        var sessionChat: SessionChatEndpoint?
        var disposableChat: DisposableChatEndpoint?
        var channelServer: ChannelServerEndpoint?
        var relay: RelayEndpoint
    }

    /// The event gateway and where it is reached.
    struct GatewayEndpoints: Sendable {
        let gateway: Gateway
        let native: GatewayEndpoint
        let socketIO: EngineEndpoint
    }

    init(_ configuration: ServerConfiguration, eventLoops: [any EventLoop], logger: Logger) async throws {
        self.configuration = configuration
        self.logger = logger
        self.limits = ConnectionLimits(
            maximum: configuration.maximumConnections,
            maximumPerAddress: configuration.maximumConnectionsPerAddress
        )
        let trimmer = MemoryTrimmer()
        self.places = PollingPlaces(
            maximum: configuration.maximumPollingSessions,
            maximumPerAddress: configuration.maximumPollingSessionsPerAddress
        ) { trimmer.connectionClosed(remaining: $0) }
        self.failures = HandshakeFailures(logger: logger)
        self.acceptTrouble = AcceptTrouble(logger: logger)
        self.ledger = MemoryLedger(maximumBytes: configuration.processBacklogBytes)
        self.roomLimit = TopicLimit(maximum: configuration.sessionChat.roomsPerProcess)
        self.registry = ChannelRegistry(wallTime: configuration.wallTime)
        self.rooms = IssuedRooms(hosts: configuration.sessionChat.serverHosts)

        var hub = HubConfiguration(wallTime: configuration.wallTime)
        hub.directWriter = SocketWriter()
        hub.maximumHistoryBytes = configuration.historyBytes
        hub.memory = self.ledger
        hub.histories = configuration.histories.map {
            StoredHistories($0) { $0.log("store of histories", to: logger) }
        }
        Self.setSpaces(of: &hub, configuration, roomLimit: self.roomLimit)
        let profiles = ConnectionProfiles(configuration, formats: &hub.formats, ledger: self.ledger, logger: logger)
        self.endpoints = Self.makeEndpoints(configuration, profiles, self.registry, self.roomLimit)
        let applications =
            configuration.socketIOServers as [any EngineApplication]
            + configuration.engineIOServers as [any EngineApplication]
        let formats = applications.map { Self.register($0, as: .socketIO, in: &hub.formats) }
        let gatewayIO =
            configuration.gateway.isEnabled
            ? SocketIOServer(
                Gateway.socketIOConfiguration(
                    configuration.gateway,
                    backlogBytes: configuration.backlogBytes,
                    frameTimeout: configuration.frameTimeout
                ),
                space: hub.spaces[.socketIO],
                logger: logger
            ) : nil
        let gatewayFormats = gatewayIO.map { Self.register($0, as: .socketIO, in: &hub.formats) }
        let nativeFormat = hub.formats.register(GatewayFormat())
        for server in configuration.socketIOServers { server.setPolicy(in: &hub) }
        let madeHub = try await Hub(configuration: hub, eventLoops: eventLoops)
        self.hub = madeHub
        let state = self.state
        let processLedger = self.ledger
        self.backends = configuration.backends.catalogue.map { catalogue in
            BackendsHost(
                configuration.backends,
                catalogue: catalogue,
                eventLoops: eventLoops,
                isSecure: configuration.tls != nil,
                hasOwnProxyPort: configuration.listeners.contains { $0.kind == .backendsProxy },
                keepAlive: configuration.keepAlive,
                state: state,
                ledger: processLedger,
                wallTime: configuration.wallTime,
                logger: logger
            )
        }
        let (places, failures, ledger) = (self.places, self.failures, self.ledger)
        self.gateway = Self.makeGateway(
            configuration,
            gatewayIO.flatMap { server in
                gatewayFormats.map { (server, Site(hub: madeHub, formats: $0, dialect: .socketIO)) }
            },
            nativeFormat: nativeFormat,
            places: places,
            failures: failures,
            ledger: ledger,
            logger: logger
        )
        self.socketIO = zip(applications, formats).map { application, formats in
            EngineEndpoint(
                application,
                Site(hub: madeHub, formats: formats, dialect: .socketIO),
                configuration,
                places: places,
                failures: failures,
                ledger: ledger,
                logger: logger
            )
        }
    }

    /// - Parameter place: Where the gateway's Socket.IO lives; `nil` when there is no gateway.
    static func makeGateway(
        _ configuration: ServerConfiguration,
        _ place: (server: SocketIOServer, site: Site)?,
        nativeFormat: FormatID,
        places: PollingPlaces,
        failures: HandshakeFailures,
        ledger: MemoryLedger,
        logger: Logger
    ) -> GatewayEndpoints? {
        guard let place else { return nil }
        let gateway = Gateway(
            configuration.gateway,
            io: place.server,
            router: configuration.events,
            hub: place.site.hub,
            nativeFormat: nativeFormat,
            wallTime: configuration.wallTime,
            logger: logger
        )
        let profile = ConnectionProfile(
            dialect: .eventGateway,
            formats: nil,
            limits: WebSocketLimits(maximumMessageBytes: Gateway.maximumMessageBytes),
            slowConsumer: SlowConsumerPolicy(maximumBytes: configuration.backlogBytes),
            clock: ClockPolicy(pingInterval: 25, silenceLimit: 45, frameTimeout: configuration.frameTimeout),
            shutdown: .serverShuttingDown,
            ledger: ledger,
            logger: logger
        )
        return GatewayEndpoints(
            gateway: gateway,
            native: GatewayEndpoint(gateway: gateway, profile: profile),
            socketIO: EngineEndpoint(
                place.server,
                place.site,
                configuration,
                places: places,
                failures: failures,
                ledger: ledger,
                logger: logger
            )
        )
    }

    /// Session chat's rooms keep a history; a space that it shares has its rules.
    static func setSpaces(
        of hub: inout HubConfiguration,
        _ configuration: ServerConfiguration,
        roomLimit: TopicLimit
    ) {
        var next = UInt16(DialectName.allCases.count)
        for (_, dialects) in configuration.spaces.sorted(by: { $0.key < $1.key }) {
            for dialect in dialects { hub.spaces[dialect] = SpaceID(rawValue: next) }
            next += 1
        }
        if let space = hub.spaces[.sessionChat] {
            hub.policies[space] = SpacePolicy(
                history: configuration.sessionChat.history,
                retention: TimeAmount(configuration.sessionChat.roomIdleTimeout),
                limit: roomLimit
            )
        }
    }

    static func register(
        _ application: any EngineApplication,
        as dialect: DialectName,
        in formats: inout HubConfiguration.Formats
    ) -> SocketIOFormats {
        SocketIOFormats(in: &formats, dialect: dialect, configuration: application.configuration) {
            kind,
            message,
            bits,
            wire in
            LoopTools.current.writeFrame(kind, message, windowBits: bits, into: &wire)
        }
    }

    static func makeEndpoints(
        _ configuration: ServerConfiguration,
        _ profiles: ConnectionProfiles,
        _ registry: ChannelRegistry,
        _ roomLimit: TopicLimit
    ) -> Endpoints {
        let access: RelayEndpoint.Access
        switch (configuration.relay.access, configuration.sessionChat.authenticator) {
        case (.open, _): access = .open
        case (.token, let authenticator?): access = .token(authenticator)
        case (.token, nil), (.closed, _): access = .closed
        }
        var endpoints = Endpoints(
            relay: RelayEndpoint(
                profile: profiles.relay,
                echoProfile: profiles.relayEcho,
                access: access,
                checksHost: configuration.sessionChat.checksHost,
                compression: configuration.relay.compresses ? .default : nil,
                wallTime: configuration.wallTime
            )
        )
        if let authenticator = configuration.sessionChat.authenticator {
            endpoints.sessionChat = SessionChatEndpoint(
                profile: profiles.sessionChat,
                configuration: configuration.sessionChat.rooms,
                authenticator: authenticator,
                checksHost: configuration.sessionChat.checksHost,
                roomLimit: roomLimit,
                wallTime: configuration.wallTime
            )
        }
        if configuration.disposableChat.isEnabled {
            endpoints.disposableChat = DisposableChatEndpoint(
                profile: profiles.disposableChat,
                configuration: configuration.disposableChat.rooms,
                origins: AcceptedOrigins(
                    setting: configuration.disposableChat.acceptedOrigin,
                    admitsLocal: configuration.admitsLocalOrigins
                )
            )
        }
        if configuration.channelServer.isEnabled {
            endpoints.channelServer = ChannelServerEndpoint(
                profile: profiles.channelServer,
                configuration: configuration.channelServer.channels,
                registry: registry
            )
        }
        return endpoints
    }

    var gatewayServices: GatewayServices? { self.gateway?.gateway.services }
}
