package import Logging
internal import NIOCore
package import ParleyHub
package import ParleyModel
package import ParleySocketIO
internal import ParleyText
package import ParleyTransport
internal import WebSocketProtocol

/// The gateway's Socket.IO server and wire formats: they have to be there before the hub is made.
package struct GatewayFormats: Sendable {
    package let server: SocketIOServer
    let socketIO: SocketIOFormats
    package let native: FormatID

    package init(
        _ configuration: GatewayConfiguration,
        backlogBytes: Int,
        frameTimeout: Double,
        in hub: inout HubConfiguration,
        logger: Logger
    ) {
        self.server = SocketIOServer(
            Gateway.socketIOConfiguration(configuration, backlogBytes: backlogBytes, frameTimeout: frameTimeout),
            space: hub.spaces[.socketIO],
            logger: logger
        )
        self.socketIO = SocketIOFormats(
            in: &hub.formats,
            dialect: .socketIO,
            configuration: self.server.configuration
        )
        self.native = hub.formats.register(GatewayFormat())
    }
}

/// The event gateway and where it is reached.
package struct GatewayEndpoints: Sendable {
    package let gateway: Gateway
    let native: GatewayEndpoint
    let socketIO: EngineEndpoint

    /// - Parameters:
    ///   - frameTimeout: Seconds that an unfinished frame may go without progress.
    ///   - places: Those of the process.
    package init(
        _ gateway: Gateway,
        _ formats: GatewayFormats,
        hub: Hub,
        backlogBytes: Int,
        frameTimeout: Double,
        wallTime: @escaping @Sendable () -> WallTime,
        places: PollingPlaces,
        failures: HandshakeFailures,
        ledger: MemoryLedger,
        logger: Logger
    ) {
        self.gateway = gateway
        self.native = GatewayEndpoint(
            gateway: gateway,
            profile: ConnectionProfile(
                dialect: .eventGateway,
                formats: nil,
                limits: WebSocketLimits(maximumMessageBytes: Gateway.maximumMessageBytes),
                slowConsumer: SlowConsumerPolicy(maximumBytes: backlogBytes),
                clock: ClockPolicy(pingInterval: 25, silenceLimit: 45, frameTimeout: frameTimeout),
                shutdown: .serverShuttingDown,
                ledger: ledger,
                logger: logger
            )
        )
        self.socketIO = EngineEndpoint(
            formats.server,
            Site(hub: hub, formats: formats.socketIO, dialect: .socketIO),
            frameTimeout: frameTimeout,
            wallTime: wallTime,
            places: places,
            failures: failures,
            ledger: ledger,
            logger: logger
        )
    }
}

/// Who takes a request, by the port where it came.
extension GatewayEndpoints {
    /// `nil`: somebody else's. Rooms of disposable chat come first at `/ws`, even beside a token.
    package func routeOnFrontDoor(_ request: UpgradeRequest) -> Route? {
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

    package func routeOnGateway(_ request: UpgradeRequest) -> Route {
        if self.isSocketIO(request) { return .exchange(self.socketIO) }
        guard request.wantsWebSocket else { return .http }
        let isNative = request.path == self.gateway.services.configuration.webSocketPath
        return .webSocket(isNative ? self.native : NowhereEndpoint())
    }

    /// A plain request for `/socket.io/` without a revision is somebody looking around.
    package func routeOnSockets(_ request: UpgradeRequest) -> Route {
        if request.query["EIO"] != nil { return .exchange(self.socketIO) }
        guard request.wantsWebSocket else { return .http }
        return self.isSocketIO(request) ? .exchange(self.socketIO) : .webSocket(self.native)
    }

    func isSocketIO(_ request: UpgradeRequest) -> Bool {
        request.path.isAtOrBelow("/socket.io") || request.query["EIO"] != nil
    }
}
