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
    let failures: HandshakeFailures
    let ledger: BacklogLedger
    let roomLimit: TopicLimit
    private let endpoints: Endpoints
    private let socketIO: [EngineEndpoint]
    fileprivate let gateway: GatewayEndpoints?
    let backends: BackendsHost?
    private let registry: ChannelRegistry
    private let rooms: IssuedRooms
    private let logger: Logger

    private struct Endpoints: Sendable {
        var sessionChat: SessionChatEndpoint?
        var disposableChat: DisposableChatEndpoint?
        var channelServer: ChannelServerEndpoint?
        var relay: RelayEndpoint
    }

    /// The event gateway and where it is reached.
    fileprivate struct GatewayEndpoints: Sendable {
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
        self.failures = HandshakeFailures(logger: logger)
        self.ledger = BacklogLedger(maximumBytes: configuration.processBacklogBytes)
        self.roomLimit = TopicLimit(maximum: configuration.sessionChat.roomsPerProcess)
        self.registry = ChannelRegistry(wallTime: configuration.wallTime)
        self.rooms = IssuedRooms(hosts: configuration.sessionChat.serverHosts)

        var hub = HubConfiguration(wallTime: configuration.wallTime)
        hub.directWriter = SocketWriter()
        Self.setSpaces(of: &hub, configuration, roomLimit: self.roomLimit)
        let profiles = Profiles(configuration, formats: &hub.formats, ledger: self.ledger, logger: logger)
        self.endpoints = Self.makeEndpoints(configuration, profiles, self.registry, self.roomLimit)
        let formats = configuration.socketIOServers.map { server in
            Self.register(server, as: .socketIO, in: &hub.formats)
        }
        let gatewayIO =
            configuration.gateway.isEnabled
            ? SocketIOServer(
                Gateway.socketIOConfiguration(configuration.gateway, backlogBytes: configuration.backlogBytes),
                space: hub.spaces[.socketIO],
                logger: logger
            ) : nil
        let gatewayFormats = gatewayIO.map { Self.register($0, as: .socketIO, in: &hub.formats) }
        let nativeFormat = hub.formats.register(GatewayFormat())
        let madeHub = try await Hub(configuration: hub, eventLoops: eventLoops)
        self.hub = madeHub
        let state = self.state
        self.backends = configuration.backends.catalogue.map { catalogue in
            BackendsHost(
                configuration.backends,
                catalogue: catalogue,
                eventLoops: eventLoops,
                isSecure: configuration.tls != nil,
                state: state,
                wallTime: configuration.wallTime,
                logger: logger
            )
        }
        let (limits, ledger) = (self.limits, self.ledger)
        self.gateway = Self.makeGateway(
            configuration,
            gatewayIO.flatMap { server in
                gatewayFormats.map { (server, Site(hub: madeHub, formats: $0, dialect: .socketIO)) }
            },
            nativeFormat: nativeFormat,
            limits: limits,
            ledger: ledger,
            logger: logger
        )
        self.socketIO = zip(configuration.socketIOServers, formats).map { server, formats in
            EngineEndpoint(
                server,
                Site(hub: madeHub, formats: formats, dialect: .socketIO),
                configuration,
                limits: limits,
                ledger: ledger,
                logger: logger
            )
        }
    }

    /// - Parameter place: Where the gateway's Socket.IO lives; `nil` when there is no gateway.
    fileprivate static func makeGateway(
        _ configuration: ServerConfiguration,
        _ place: (server: SocketIOServer, site: Site)?,
        nativeFormat: FormatID,
        limits: ConnectionLimits,
        ledger: BacklogLedger,
        logger: Logger
    ) -> GatewayEndpoints? {
        guard let place else { return nil }
        let gateway = Gateway(
            configuration.gateway,
            io: place.server,
            router: configuration.events,
            hub: place.site.hub,
            nativeFormat: nativeFormat,
            wallTime: configuration.wallTime
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
                limits: limits,
                ledger: ledger,
                logger: logger
            )
        )
    }

    /// Session chat's rooms keep a history; a space that it shares has its rules.
    private static func setSpaces(
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

    private static func register(
        _ server: SocketIOServer,
        as dialect: DialectName,
        in formats: inout HubConfiguration.Formats
    ) -> SocketIOFormats {
        SocketIOFormats(in: &formats, dialect: dialect, configuration: server.configuration) {
            kind,
            message,
            bits,
            wire in
            LoopTools.current.writeFrame(kind, message, windowBits: bits, into: &wire)
        }
    }

    private static func makeEndpoints(
        _ configuration: ServerConfiguration,
        _ profiles: Profiles,
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
                origins: AcceptedOrigins(setting: configuration.disposableChat.acceptedOrigin)
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

    // MARK: Listeners

    func services(for kind: ServerConfiguration.Listener.Kind) -> ListenerServices {
        ListenerServices(
            hub: self.hub,
            state: self.state,
            limits: self.limits,
            failures: self.failures,
            route: self.routing(for: kind),
            http: self.http(for: kind),
            headerTimeout: TimeAmount(self.configuration.headerTimeout),
            bodyTimeout: TimeAmount(self.configuration.frameTimeout),
            maximumBodyBytes: kind == .backendsAPI ? BackendsAPI.maximumBodyBytes : 1 << 20,
            maximumHeaderBytes: kind == .backendsAPI || kind == .backendsProxy
                ? RequestHeadScanner.proxyMaximumHeaderBytes : RequestHeadScanner.usualMaximumHeaderBytes,
            logger: self.logger
        )
    }

    /// Source: docs/architecture.md §5, and the order of routing on a shared port.
    private func routing(
        for kind: ServerConfiguration.Listener.Kind
    ) -> @Sendable (UpgradeRequest) -> Route {
        let endpoints = self.endpoints
        let gateway = self.gateway
        switch kind {
        case .gateway:
            return { gateway?.routeOnGateway($0) ?? .http }
        case .gatewaySockets:
            return { gateway?.routeOnSockets($0) ?? .http }
        case .frontDoor:
            let channelPath = self.configuration.channelServer.path
            let proxy = self.backends?.proxy(under: BackendsServices.sharedPrefix)
            return { request in
                if let proxy, request.path.hasPrefix(BackendsServices.sharedPrefix + "/") { return .proxy(proxy) }
                if request.path == "/relay" || request.path.hasPrefix("/relay/") { return .webSocket(endpoints.relay) }
                if request.path == "/channels", let channels = endpoints.channelServer { return .webSocket(channels) }
                if let gateway, let route = gateway.routeOnFrontDoor(request) { return route }
                if request.path == "/ws", let chat = endpoints.disposableChat { return .webSocket(chat) }
                guard request.wantsWebSocket else { return .http }
                if channelPath != "/", request.path == channelPath, let channels = endpoints.channelServer {
                    return .webSocket(channels)
                }
                return endpoints.sessionChat.map { .webSocket($0) } ?? .http
            }
        case .channelServer:
            return { request in
                endpoints.channelServer.flatMap { request.wantsWebSocket ? .webSocket($0) : nil } ?? .http
            }
        case .disposableChat:
            return { request in
                endpoints.disposableChat.flatMap { request.path == "/ws" ? .webSocket($0) : nil } ?? .http
            }
        case .issuer:
            return { _ in .http }
        case .backendsAPI:
            // Where the proxy has no port of its own, URLs lead to where they were asked for.
            guard let proxy = self.backends?.proxy(under: BackendsServices.sharedPrefix) else { return { _ in .http } }
            return { $0.path.hasPrefix(BackendsServices.sharedPrefix + "/") ? .proxy(proxy) : .http }
        case .backendsProxy:
            guard let proxy = self.backends?.proxy(under: "") else { return { _ in .http } }
            return { _ in .proxy(proxy) }
        case .socketIO:
            let endpoints = self.socketIO
            return { request in
                let endpoint = endpoints.first {
                    EngineEndpoint.claims(path: request.path, configuration: $0.host.configuration)
                }
                return endpoint.map { .exchange($0) } ?? .http
            }
        }
    }

    private func http(for kind: ServerConfiguration.Listener.Kind) -> any HTTPAnswering {
        if kind == .gatewaySockets, let gateway = self.gateway?.gateway { return GatewayInformation(gateway.services) }
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        var fallback = Response(.upgradeRequired)
        let hasGateway = self.gateway != nil && kind == .frontDoor
        let hasBackends = self.backends != nil && kind == .frontDoor
        if kind == .frontDoor || kind == .channelServer || kind == .issuer {
            router.add(
                middleware: CrossOrigin(
                    setting: self.configuration.corsOrigin,
                    apiSetting: self.configuration.sessionChat.corsOrigin,
                    leavesAlone: {
                        hasGateway && GatewayRoute.isSharedPath($0) || hasBackends && BackendsCORS.isSharedPath($0)
                    }
                )
            )
        }
        switch kind {
        case .frontDoor:
            self.addManagement(to: router)
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addObservability(to: router)
            self.addIssuer(to: router)
            self.gateway?.gateway.addSharedRoutes(to: router)
            if let backends = self.backends {
                router.add(middleware: BackendsCORS { BackendsCORS.isSharedPath($0) })
                router.add(middleware: DevelopmentGate(services: backends.services) { BackendsCORS.isSharedPath($0) })
                BackendsAPI(services: backends.services).registerShared(on: router)
            }
        case .channelServer:
            self.addManagement(to: router)
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
        case .disposableChat:
            fallback = Response(.notFound)
            router.get("health") { _, _ in Response(status: .ok) }
        case .gateway:
            fallback = .failure(.notFound, "Not found")
            self.gateway?.gateway.addRoutes(to: router)
        case .socketIO, .gatewaySockets, .backendsProxy:
            fallback = Response(.notFound)
        case .backendsAPI:
            fallback = BackendFailure.notFound.response(id: "")
            router.add(middleware: BackendsCORS { _ in true })
            if let backends = self.backends {
                router.add(middleware: DevelopmentGate(services: backends.services) { _ in true })
                let api = BackendsAPI(services: backends.services)
                api.registerShared(on: router)
                api.registerOwn(on: router)
            }
        case .issuer:
            fallback = Response(.notFound)
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addIssuer(to: router)
        }
        return RouterAPI(responder: router.buildResponder(), fallback: fallback, logger: self.logger)
    }

    private func addObservability(to router: Router<APIContext>) {
        ObservabilityAPI(
            hub: self.hub,
            state: self.state,
            failures: self.failures,
            ledger: self.ledger,
            backends: self.backends?.services.supervisor
        ).register(on: router)
    }

    private func addManagement(to router: Router<APIContext>) {
        guard self.configuration.channelServer.isEnabled else { return }
        router.add(
            middleware: ChannelManagement(
                hub: self.hub,
                registry: self.registry,
                authorization: self.configuration.channelServer.management,
                adminToken: self.configuration.channelServer.adminToken,
                maximumLifetime: Int(self.configuration.channelServer.maximumLifetime),
                wallTime: self.configuration.wallTime
            )
        )
    }

    private func addIssuer(to router: Router<APIContext>) {
        guard let authenticator = self.configuration.sessionChat.authenticator,
            self.configuration.sessionChat.isIssuerEnabled
        else { return }
        let group = router.group("api")
        IssuingAPI(
            authenticator: authenticator,
            rooms: self.rooms,
            roomLimit: self.roomLimit,
            tokenLifetime: self.configuration.sessionChat.tokenLifetime,
            wallTime: self.configuration.wallTime
        ).register(on: group)
    }
}

/// The connection profiles of all dialects.
private struct Profiles {
    let sessionChat: ConnectionProfile
    let disposableChat: ConnectionProfile
    let channelServer: ConnectionProfile
    let relay: ConnectionProfile
    let relayEcho: ConnectionProfile

    init(
        _ configuration: ServerConfiguration,
        formats: inout HubConfiguration.Formats,
        ledger: BacklogLedger,
        logger: Logger
    ) {
        let chat = configuration.sessionChat
        self.sessionChat = ConnectionProfile(
            dialect: .sessionChat,
            formats: WebSocketFormats(SessionChatEncoder(), of: .sessionChat, compressing: false, in: &formats),
            limits: WebSocketLimits(maximumMessageBytes: chat.maximumFrameBytes),
            slowConsumer: SlowConsumerPolicy(overflow: .keepLatest, maximumBytes: configuration.backlogBytes),
            clock: .pinging(every: chat.pingInterval, frameTimeout: configuration.frameTimeout),
            shutdown: .serverShuttingDown,
            ledger: ledger,
            logger: logger
        )
        let disposable = configuration.disposableChat
        self.disposableChat = ConnectionProfile(
            dialect: .disposableChat,
            formats: WebSocketFormats(DisposableChatEncoder(), of: .disposableChat, compressing: false, in: &formats),
            limits: WebSocketLimits(maximumMessageBytes: disposable.maximumMessageBytes),
            slowConsumer: SlowConsumerPolicy(
                maximumBytes: configuration.backlogBytes,
                maximumMessages: disposable.maximumQueuedMessages,
                stallTime: .seconds(2),
                writeTimeout: .seconds(10)
            ),
            clock: ClockPolicy(
                pingInterval: disposable.pingPeriod,
                silenceLimit: disposable.pongWait,
                frameTimeout: configuration.frameTimeout
            ),
            shutdown: .serverShuttingDown,
            sendBufferBytes: 64 * 1024,
            ledger: ledger,
            logger: logger
        )
        let channels = configuration.channelServer
        self.channelServer = ConnectionProfile(
            dialect: .channelServer,
            formats: WebSocketFormats(ChannelServerEncoder(), of: .channelServer, compressing: false, in: &formats),
            limits: WebSocketLimits(
                maximumFrameBytes: channels.maximumFrameBytes,
                maximumMessageBytes: channels.maximumMessageBytes
            ),
            slowConsumer: SlowConsumerPolicy(maximumBytes: configuration.backlogBytes),
            clock: ClockPolicy(
                pingInterval: channels.serverPing > 0 ? channels.serverPing : nil,
                idleTimeout: channels.idleTimeout > 0 ? channels.idleTimeout : nil,
                maximumLifetime: channels.maximumLifetime > 0 ? channels.maximumLifetime : nil,
                frameTimeout: configuration.frameTimeout
            ),
            shutdown: .serviceRestart,
            ledger: ledger,
            logger: logger
        )
        let relay = configuration.relay
        let relayFormats = WebSocketFormats(RelayEncoder(), of: .relay, compressing: relay.compresses, in: &formats)
        func relayProfile(_ limits: WebSocketLimits) -> ConnectionProfile {
            ConnectionProfile(
                dialect: .relay,
                formats: relayFormats,
                limits: limits,
                slowConsumer: SlowConsumerPolicy(maximumBytes: configuration.backlogBytes),
                clock: .pinging(every: relay.pingInterval, frameTimeout: configuration.frameTimeout),
                shutdown: .serverShuttingDown,
                ledger: ledger,
                logger: logger
            )
        }
        self.relay = relayProfile(WebSocketLimits(maximumMessageBytes: relay.maximumMessageBytes))
        self.relayEcho = relayProfile(
            WebSocketLimits(
                maximumMessageBytes: max(relay.maximumMessageBytes, RelayEndpoint.minimumEchoMessageBytes),
                maximumFragments: 0
            )
        )
    }
}

extension ServerComposition.GatewayEndpoints {
    /// `nil`: somebody else's. Rooms of disposable chat come first at `/ws`, even beside a token.
    func routeOnFrontDoor(_ request: UpgradeRequest) -> Route? {
        if request.path == "/events" { return .webSocket(self.native) }
        if request.path == "/ws" {
            if request.query["name"] != nil, request.query["room"] != nil { return nil }
            if self.isSocketIO(request) { return .exchange(self.socketIO) }
            let hasToken =
                request.query["token"] != nil || GatewayAuthentication.bearer(request.header("Authorization")) != nil
            return hasToken ? .webSocket(self.native) : nil
        }
        return self.isSocketIO(request) ? .exchange(self.socketIO) : nil
    }

    func routeOnGateway(_ request: UpgradeRequest) -> Route {
        if self.isSocketIO(request) { return .exchange(self.socketIO) }
        guard request.wantsWebSocket else { return .http }
        let isNative = request.path == self.gateway.services.configuration.webSocketPath
        return .webSocket(isNative ? self.native : NowhereEndpoint())
    }

    /// A plain request for `/socket.io/` without a revision is somebody looking around.
    func routeOnSockets(_ request: UpgradeRequest) -> Route {
        if request.query["EIO"] != nil { return .exchange(self.socketIO) }
        guard request.wantsWebSocket else { return .http }
        return self.isSocketIO(request) ? .exchange(self.socketIO) : .webSocket(self.native)
    }

    private func isSocketIO(_ request: UpgradeRequest) -> Bool {
        request.path == "/socket.io" || request.path.hasPrefix("/socket.io/") || request.query["EIO"] != nil
    }
}
