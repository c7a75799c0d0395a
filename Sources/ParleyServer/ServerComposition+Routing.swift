internal import NIOCore
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO

/// Who answers a request on which listener.
extension ServerComposition {
    func services(for kind: ServerConfiguration.Listener.Kind) -> ListenerServices {
        ListenerServices(
            hub: self.hub,
            state: self.state,
            limits: self.limits,
            failures: self.failures,
            acceptTrouble: self.acceptTrouble,
            ledger: self.ledger,
            route: self.routing(for: kind),
            http: self.http(for: kind),
            crossOrigin: self.crossOriginRules(for: kind),
            headerTimeout: TimeAmount(self.configuration.headerTimeout),
            bodyTimeout: TimeAmount(self.configuration.frameTimeout),
            maximumHeaderBytes: kind == .backendsAPI || kind == .backendsProxy
                ? RequestHeadScanner.proxyMaximumHeaderBytes : RequestHeadScanner.usualMaximumHeaderBytes,
            trustedProxies: self.configuration.trustedProxies,
            logger: self.logger
        )
    }

    /// Source: docs/architecture.md §5, and the order of routing on a shared port.
    func routing(
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
}

extension ServerComposition.GatewayEndpoints {
    /// `nil`: somebody else's. Rooms of disposable chat come first at `/ws`, even beside a token.
    func routeOnFrontDoor(_ request: UpgradeRequest) -> Route? {
        if request.path == "/events" { return .webSocket(self.native) }
        if request.path == "/ws" {
            if request.query["name"] != nil, request.query["room"] != nil { return nil }
            if self.isSocketIO(request) { return .exchange(self.socketIO) }
            let hasToken =
                request.query["token"] != nil || AuthorizationField.bearer(request.header("Authorization")) != nil
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

    func isSocketIO(_ request: UpgradeRequest) -> Bool {
        request.path == "/socket.io" || request.path.hasPrefix("/socket.io/") || request.query["EIO"] != nil
    }
}
