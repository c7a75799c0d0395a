internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyBackendsHTTP
internal import ParleyGateway
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel

/// The HTTP APIs of a listener.
extension ServerComposition {
    /// - Returns: What the listener has where, and what answers plain requests there.
    func api(for kind: ServerConfiguration.Listener.Kind) -> (ListenerRoutes, any HTTPAnswering) {
        let parts = self.parts(of: kind)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        for part in parts { part.register(router) }
        let routes = ListenerRoutes(
            parts,
            RouteTable(router.routes.map { ($0.method.rawValue, $0.path.description) }),
            nothingHere: kind == .frontDoor ? .unknownPath : .notFound
        )
        let api: any HTTPAnswering
        if kind == .gatewaySockets, let gateway = self.gateway?.gateway {
            api = GatewayInformation(gateway.services)
        } else {
            api = RouterAPI(router, routes, logger: self.logger)
        }
        return (routes, CrossOriginAPI(api: api, routes: routes))
    }

    func addHealth(to router: Router<APIContext>) {
        router.get("health") { _, _ in Response.json(.ok, "{\"status\":\"ok\"}") }
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
