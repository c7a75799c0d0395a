internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ParleyBackends
internal import ParleyBackendsHTTP
internal import ParleyDialects
internal import ParleyGateway
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyTransport
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
        self.failures = HandshakeFailures(labels: [ConnectError.usualLabel], logger: logger)
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
        let gateway =
            configuration.gateway.isEnabled
            ? GatewayFormats(
                configuration.gateway,
                backlogBytes: configuration.backlogBytes,
                frameTimeout: configuration.frameTimeout,
                in: &hub,
                logger: logger
            ) : nil
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
        let (places, failures) = (self.places, self.failures)
        self.gateway = gateway.map { formats in
            GatewayEndpoints(
                Gateway(
                    configuration.gateway,
                    io: formats.server,
                    router: configuration.events,
                    hub: madeHub,
                    nativeFormat: formats.native,
                    storeChanged: { $0.log("session store", to: logger) },
                    wallTime: configuration.wallTime
                ),
                formats,
                hub: madeHub,
                backlogBytes: configuration.backlogBytes,
                frameTimeout: configuration.frameTimeout,
                wallTime: configuration.wallTime,
                places: places,
                failures: failures,
                ledger: processLedger,
                logger: logger
            )
        }
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
