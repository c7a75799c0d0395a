internal import Hummingbird
internal import ParleyBackends
internal import ParleyBackendsHTTP
internal import ParleyGateway
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyText
internal import ParleyTransport

/// Which parts a listener has, in the order in which they are asked. Source: docs/architecture.md, §5, and the order of routing on a
/// shared port.
extension ServerComposition {
    func parts(of kind: ServerConfiguration.Listener.Kind) -> [ListenerPart] {
        switch kind {
        case .frontDoor: return self.frontDoorParts
        case .channelServer: return [self.management, self.channelServer].compactMap { $0 }
        case .disposableChat: return [self.disposableChatAlone]
        case .gateway: return self.gatewayParts
        case .gatewaySockets: return [self.gatewaySocketsAlone]
        case .issuer: return [self.issuing, self.operations { self.addHealth(to: $0) }]
        case .backendsAPI:
            // Where the proxy has no port of its own, URLs lead to where they were asked for.
            return [self.proxy(under: BackendsServices.sharedPrefix), self.backendsAPI].compactMap { $0 }
        case .backendsProxy: return [self.proxy(under: "")].compactMap { $0 }
        }
    }

    /// Of everything that has none of its own.
    private var general: CrossOriginRule {
        CrossOriginRule(CORSPolicy.general(self.configuration.origins), answersOptions: false)
    }

    // MARK: The front door

    private var frontDoorParts: [ListenerPart] {
        let parts: [ListenerPart?] = [
            self.proxy(under: BackendsServices.sharedPrefix), self.management, self.relay, self.channels,
            self.sharedGatewaySockets, self.sharedGateway, self.sharedBackendsAPI, self.issuing, self.disposableChat,
            self.channelsByPath, self.sessionChat,
        ]
        return parts.compactMap { $0 } + [
            self.operations { router in
                self.addHealth(to: router)
                self.addObservability(to: router)
            }
        ]
    }

    private var relay: ListenerPart {
        let relay = self.endpoints.relay
        var part = ListenerPart(name: .relay, claims: { $0.first == "relay" }, crossOrigin: self.general)
        part.route = { $0.path.isAtOrBelow(RelayEndpoint.path) ? .webSocket(relay) : nil }
        return part
    }

    private var channels: ListenerPart? {
        self.endpoints.channelServer.map { channels in
            var part = ListenerPart(name: .channelServer, claims: { $0 == "/channels" }, crossOrigin: self.general)
            part.route = { $0.path == "/channels" ? .webSocket(channels) : nil }
            return part
        }
    }

    /// The path that the configuration adds.
    private var channelsByPath: ListenerPart? {
        let path = self.configuration.channelServer.path
        guard path != "/", let channels = self.endpoints.channelServer else { return nil }
        var part = ListenerPart(name: .channelServer, claims: { $0.text == path }, crossOrigin: self.general)
        part.route = { $0.wantsWebSocket && $0.path == path ? .webSocket(channels) : nil }
        part.speaksWebSocket = true
        return part
    }

    /// Any path does for a handshake; only one is its own.
    private var sessionChat: ListenerPart? {
        self.endpoints.sessionChat.map { chat in
            var part = ListenerPart(name: .sessionChat, claims: { $0 == "/" }, crossOrigin: self.general)
            part.route = { $0.wantsWebSocket ? .webSocket(chat) : nil }
            part.speaksWebSocket = true
            return part
        }
    }

    private var disposableChat: ListenerPart? {
        self.endpoints.disposableChat.map { chat in
            var part = ListenerPart(name: .disposableChat, claims: { $0 == "/ws" }, crossOrigin: self.general)
            part.route = { $0.path == "/ws" ? .webSocket(chat) : nil }
            return part
        }
    }

    private var issuing: ListenerPart {
        var part = ListenerPart(name: .issuing, claims: { $0.first == "api" })
        part.register = { self.addIssuer(to: $0) }
        part.shape = .issuing
        part.crossOrigin = CrossOriginRule(CORSPolicy.general(self.configuration.issuerOrigins))
        part.maximumBodyBytes = { _ in IssuingAPI.maximumBodyBytes }
        return part
    }

    private func operations(_ register: @escaping @Sendable (Router<APIContext>) -> Void) -> ListenerPart {
        ListenerPart(name: .operations, register: register, crossOrigin: self.general)
    }

    // MARK: Channels and chats on ports of their own

    /// Before everything that has routes: its paths may have a stage before them.
    private var management: ListenerPart? {
        guard self.configuration.channelServer.isEnabled else { return nil }
        var part = ListenerPart(name: .channelManagement)
        part.claims = { ChannelManagement.resource(at: $0) != nil }
        part.register = { self.addManagement(to: $0) }
        part.methods = { Set(ChannelManagement.resource(at: $0)?.methods ?? []) }
        part.crossOrigin = self.general
        part.maximumBodyBytes = { _ in ChannelManagement.maximumBodyBytes }
        return part
    }

    private var channelServer: ListenerPart {
        var part = ListenerPart(name: .channelServer, crossOrigin: self.general)
        if let channels = self.endpoints.channelServer {
            part.route = { $0.wantsWebSocket ? .webSocket(channels) : nil }
        }
        part.register = { self.addHealth(to: $0) }
        // Any path does.
        part.speaksWebSocket = true
        return part
    }

    private var disposableChatAlone: ListenerPart {
        var part = ListenerPart(name: .disposableChat)
        if let chat = self.endpoints.disposableChat { part.route = { $0.path == "/ws" ? .webSocket(chat) : nil } }
        part.register = { router in router.get("health") { _, _ in Response(status: .ok) } }
        return part
    }

    // MARK: The event gateway

    private var gatewayRule: CrossOriginRule { CrossOriginRule(CORSPolicy.gateway(self.configuration.gateway)) }

    /// What the gateway's HTTP API has on any port.
    private func gatewayAPI(_ gateway: Gateway) -> ListenerPart {
        let configuration = gateway.services.configuration
        var part = ListenerPart(name: .gateway, shape: .gateway, crossOrigin: self.gatewayRule)
        part.maximumBodyBytes = { GatewayAPI.maximumBodyBytes(at: $0, configuration) }
        return part
    }

    private var sharedGateway: ListenerPart? {
        self.gateway.map { gateway in
            var part = self.gatewayAPI(gateway.gateway)
            part.claims = { GatewayRoute.isShared($0) }
            part.register = { gateway.gateway.addSharedRoutes(to: $0) }
            return part
        }
    }

    private var sharedGatewaySockets: ListenerPart? {
        self.gateway.map { gateway in
            var part = ListenerPart(name: .gatewaySockets, claims: { $0.first == "socket.io" })
            part.route = { gateway.routeOnFrontDoor($0) }
            part.crossOrigin = self.gatewayRule
            return part
        }
    }

    private var gatewayParts: [ListenerPart] {
        guard let gateway = self.gateway else { return [] }
        var api = self.gatewayAPI(gateway.gateway)
        api.register = { gateway.gateway.addRoutes(to: $0) }
        var sockets = api
        let path = gateway.gateway.services.configuration.webSocketPath
        sockets.claims = { $0.text == path }
        sockets.route = { gateway.routeOnGateway($0) }
        sockets.register = { _ in }
        sockets.speaksWebSocket = true
        return [sockets, api]
    }

    /// Whoever comes without a socket is told what is here; see ``GatewayInformation``.
    private var gatewaySocketsAlone: ListenerPart {
        var part = ListenerPart(name: .gatewaySockets, crossOrigin: self.gatewayRule)
        if let gateway = self.gateway { part.route = { gateway.routeOnSockets($0) } }
        return part
    }

    // MARK: Session backends

    /// Backends say themselves which pages may read them.
    /// - Parameter prefix: What stands before tokens.
    private func proxy(under prefix: String) -> ListenerPart? {
        self.backends.map { backends in
            let (proxy, place) = (backends.proxy(under: prefix), RoutePath(prefix))
            var part = ListenerPart(name: .backendsProxy, claims: { $0.isAtOrBelow(place) && $0 != place })
            part.route = { request in
                let isBelow = prefix.isEmpty || request.path.rest(after: prefix)?.utf8.first == UInt8(ascii: "/")
                return isBelow ? .proxy(proxy) : nil
            }
            return part
        }
    }

    private var backendsAPI: ListenerPart? {
        self.backends.map { backends in
            let api = BackendsAPI(services: backends.services)
            var part = ListenerPart(name: .backendsAPI, shape: .backends { api.note($0) })
            part.register = { router in
                router.add(middleware: DevelopmentGate(services: backends.services) { _ in true })
                api.registerShared(on: router)
                api.registerOwn(on: router)
            }
            part.crossOrigin = CrossOriginRule(CORSPolicy.backends)
            part.maximumBodyBytes = { BackendsAPI.maximumBodyBytes(at: $0) }
            return part
        }
    }

    private var sharedBackendsAPI: ListenerPart? {
        guard var part = self.backendsAPI, let backends = self.backends else { return nil }
        part.claims = { BackendsAPI.isShared($0) }
        part.register = { router in
            router.add(
                middleware: DevelopmentGate(services: backends.services) { BackendsAPI.isShared(RoutePath($0)) }
            )
            BackendsAPI(services: backends.services).registerShared(on: router)
        }
        return part
    }
}
