internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel

/// Which HTTP APIs a listener has.
extension ServerComposition {
    func http(for kind: ServerConfiguration.Listener.Kind) -> any HTTPAnswering {
        if kind == .gatewaySockets, let gateway = self.gateway?.gateway { return GatewayInformation(gateway.services) }
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        var fallback: @Sendable (Request) -> Response = { _ in Response(.upgradeRequired) }
        let hasGateway = self.gateway != nil && kind == .frontDoor
        let hasBackends = self.backends != nil && kind == .frontDoor
        let hasOwnRules: @Sendable (String) -> Bool = {
            hasGateway && GatewayRoute.isSharedPath($0) || hasBackends && BackendsCORS.isSharedPath($0)
        }
        if kind == .frontDoor || kind == .channelServer || kind == .issuer {
            router.add(
                middleware: CrossOrigin(
                    setting: self.configuration.corsOrigin,
                    apiSetting: self.configuration.sessionChat.corsOrigin,
                    leavesAlone: hasOwnRules
                )
            )
        }
        switch kind {
        case .frontDoor:
            // Session chat is spoken at the root, and what is no API's is somebody looking for it.
            fallback = { Response($0.uri.path == "/" ? .upgradeRequired : .unknownPath) }
            self.addManagement(to: router)
            router.add(middleware: RefusalMiddleware(leavesAlone: hasOwnRules))
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addObservability(to: router)
            self.addIssuer(to: router)
            self.gateway?.gateway.addSharedRoutes(to: router)
            if let backends = self.backends {
                router.add(middleware: BackendsCORS { BackendsCORS.isSharedPath($0) })
                router.add(middleware: DevelopmentGate(services: backends.services) { BackendsCORS.isSharedPath($0) })
                router.add(middleware: RefusalMiddleware())
                router.add(middleware: PlaneNotFound(api: BackendsAPI(services: backends.services)))
                BackendsAPI(services: backends.services).registerShared(on: router)
            }
        case .channelServer:
            self.addManagement(to: router)
            router.add(middleware: RefusalMiddleware())
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
        case .disposableChat:
            fallback = { _ in Response(.notFound) }
            router.get("health") { _, _ in Response(status: .ok) }
        case .gateway:
            fallback = { _ in .failure(.notFound, "Not found") }
            self.gateway?.gateway.addRoutes(to: router)
        case .socketIO, .gatewaySockets, .backendsProxy:
            fallback = { _ in Response(.notFound) }
        case .backendsAPI:
            fallback = { _ in BackendFailure.notFound.response(id: "") }
            router.add(middleware: BackendsCORS { _ in true })
            if let backends = self.backends {
                router.add(middleware: DevelopmentGate(services: backends.services) { _ in true })
                router.add(middleware: RefusalMiddleware())
                router.add(middleware: PlaneNotFound(api: BackendsAPI(services: backends.services)))
                let api = BackendsAPI(services: backends.services)
                api.registerShared(on: router)
                api.registerOwn(on: router)
            }
        case .issuer:
            fallback = { _ in Response(.notFound) }
            router.add(middleware: RefusalMiddleware())
            router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
            self.addIssuer(to: router)
        }
        return RouterAPI(
            router,
            fallback: fallback,
            maximumBodyBytes: kind == .backendsAPI ? BackendsAPI.maximumBodyBytes : 1 << 20,
            logger: self.logger
        )
    }

    func addObservability(to router: Router<APIContext>) {
        ObservabilityAPI(
            hub: self.hub,
            state: self.state,
            failures: self.failures,
            ledger: self.ledger,
            places: self.places,
            backends: self.backends?.services.supervisor
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
