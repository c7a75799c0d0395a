internal import NIOCore
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyText

/// What the connections of a listener are given.
extension ServerComposition {
    func services(for kind: ServerConfiguration.Listener.Kind) -> ListenerServices {
        let (routes, http) = self.api(for: kind)
        return ListenerServices(
            hub: self.hub,
            state: self.state,
            limits: self.limits,
            failures: self.failures,
            acceptTrouble: self.acceptTrouble,
            ledger: self.ledger,
            routes: routes,
            http: http,
            headerTimeout: TimeAmount(self.configuration.headerTimeout),
            bodyTimeout: TimeAmount(self.configuration.frameTimeout),
            maximumHeaderBytes: kind == .backendsAPI || kind == .backendsProxy
                ? RequestHeadScanner.proxyMaximumHeaderBytes : RequestHeadScanner.usualMaximumHeaderBytes,
            trustedProxies: self.configuration.trustedProxies,
            logger: self.logger
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
        request.path.isAtOrBelow("/socket.io") || request.query["EIO"] != nil
    }
}
