internal import NIOHTTP1
internal import ParleyModel

/// What becomes of a request, by its head alone.
enum Destination: Equatable {
    case refusal(Refusal)
    /// A correct handshake, if somebody admits it.
    case upgrade
    case exchange
    /// - Parameter isUpgrade: Whether the client wants another protocol, so that what follows its request is no request.
    case proxy(isUpgrade: Bool)
    /// - Parameter maximumBodyBytes: `nil` where there is no such route.
    case api(maximumBodyBytes: Int?)
}

extension Destination {
    init(of request: UpgradeRequest, by route: Route, in routes: some FrontDoorRoutes, isDraining: Bool) {
        if let endpoint = route.webSocket(for: request) {
            self.init(handshake: request, endpoint, isDraining: isDraining)
            return
        }
        switch route {
        case .webSocket, .exchange:
            self = .exchange
        case .proxy(let endpoint):
            self = .proxy(isUpgrade: endpoint.isUpgrade(request.head))
        case .http:
            self = .api(maximumBodyBytes: routes.maximumBodyBytes(of: request))
        }
    }

    private init(handshake request: UpgradeRequest, _ endpoint: any WebSocketEndpoint, isDraining: Bool) {
        if isDraining, request.wantsWebSocket {
            self = .refusal(.shuttingDown)
        } else if let refusal = request.methodRefusal ?? endpoint.refusal(for: request) ?? request.handshakeRefusal {
            self = .refusal(refusal)
        } else {
            self = .upgrade
        }
    }
}
