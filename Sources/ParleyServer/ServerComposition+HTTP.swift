internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel

/// Which HTTP APIs a listener has.
extension ServerComposition {
    func http(for kind: ServerConfiguration.Listener.Kind) -> any HTTPAnswering {
        CrossOriginAPI(api: self.api(for: kind), rules: self.crossOriginRules(for: kind))
    }

    private func api(for kind: ServerConfiguration.Listener.Kind) -> any HTTPAnswering {
        if kind == .gatewaySockets, let gateway = self.gateway?.gateway { return GatewayInformation(gateway.services) }
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        var shapes: [RefusalShape] = []
        var speaksWebSocket: @Sendable (String) -> Bool = { _ in false }
        var nothingHere = Refusal.notFound
        switch kind {
        case .frontDoor:
            if self.gateway != nil { shapes.append(.gateway { GatewayRoute.isSharedPath($0) }) }
            if let backends = self.backends {
                let api = BackendsAPI(services: backends.services)
                shapes.append(.backends(noting: { api.note($0) }, for: { BackendsAPI.isSharedPath($0) }))
            }
            shapes.append(.issuing { $0.hasPrefix("/api/") })
            speaksWebSocket = self.webSocketPaths
            nothingHere = .unknownPath
            self.addManagement(to: router)
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addObservability(to: router)
            self.addIssuer(to: router)
            self.gateway?.gateway.addSharedRoutes(to: router)
            if let backends = self.backends {
                router.add(middleware: DevelopmentGate(services: backends.services) { BackendsAPI.isSharedPath($0) })
                BackendsAPI(services: backends.services).registerShared(on: router)
            }
        case .channelServer:
            self.addManagement(to: router)
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            // Any path does.
            speaksWebSocket = { _ in true }
        case .disposableChat:
            router.get("health") { _, _ in Response(status: .ok) }
        case .gateway:
            shapes.append(.gateway())
            self.gateway?.gateway.addRoutes(to: router)
            let path = self.gateway?.gateway.services.configuration.webSocketPath
            speaksWebSocket = { $0 == path }
        case .socketIO, .gatewaySockets, .backendsProxy:
            break
        case .backendsAPI:
            if let backends = self.backends {
                router.add(middleware: DevelopmentGate(services: backends.services) { _ in true })
                let api = BackendsAPI(services: backends.services)
                shapes.append(.backends(noting: { api.note($0) }))
                api.registerShared(on: router)
                api.registerOwn(on: router)
            }
        case .issuer:
            shapes.append(.issuing { $0.hasPrefix("/api/") })
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addIssuer(to: router)
        }
        return RouterAPI(
            router,
            shapes: shapes,
            speaksWebSocket: speaksWebSocket,
            nothingHere: nothingHere,
            hasManagement: (kind == .frontDoor || kind == .channelServer) && self.configuration.channelServer.isEnabled,
            maximumBodyBytes: self.bodyLimits(of: kind),
            logger: self.logger
        )
    }

    /// What the routes of a listener read of bodies, by path.
    private func bodyLimits(of kind: ServerConfiguration.Listener.Kind) -> @Sendable (String) -> Int? {
        let gateway = self.gateway?.gateway.services.configuration
        return { path in
            if kind == .backendsAPI || kind == .frontDoor && BackendsAPI.isSharedPath(path) {
                return BackendsAPI.maximumBodyBytes(at: path)
            }
            if let gateway, let route = GatewayRoute.shared(at: path) {
                return GatewayAPI.maximumBodyBytes(of: route, gateway)
            }
            return IssuingAPI.maximumBodyBytes
        }
    }

    /// Where the front door takes upgrades that its routing sends to no dialect by the path alone.
    private var webSocketPaths: @Sendable (String) -> Bool {
        let hasSessionChat = self.endpoints.sessionChat != nil
        let channelPath = self.endpoints.channelServer == nil ? nil : self.configuration.channelServer.path
        return { path in hasSessionChat && path == "/" || path == channelPath }
    }

    func addObservability(to router: Router<APIContext>) {
        ObservabilityAPI(
            hub: self.hub,
            state: self.state,
            failures: self.failures,
            acceptTrouble: self.acceptTrouble,
            ledger: self.ledger,
            places: self.places,
            backends: self.backends?.services.supervisor,
            logCounts: self.configuration.logCounts
        ).register(on: router)
    }

    func addManagement(to router: Router<APIContext>) {
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

    func addIssuer(to router: Router<APIContext>) {
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
