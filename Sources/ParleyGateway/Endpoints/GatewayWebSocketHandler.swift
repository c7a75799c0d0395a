internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import ParleyTransport

/// A native WebSocket connection of the event gateway.
final class GatewayWebSocketHandler: WebSocketHandler {
    private let gateway: Gateway
    private let session: GatewaySession
    private var client: GatewayConnection?
    private let openedAt: NIODeadline

    init(_ acceptance: GatewayAcceptance, _ environment: HandshakeEnvironment) {
        self.gateway = acceptance.gateway
        self.session = acceptance.session
        self.openedAt = environment.shard.eventLoop.now
        let expiresAt = acceptance.session.expiresAt
        let now = acceptance.gateway.services.wallTime()
        super.init(environment, profile: acceptance.profile) {
            $0 + .milliseconds(max(0, expiresAt.milliseconds - now.milliseconds))
        }
        self.serve(
            environment.shard.open(
                dialect: .eventGateway,
                format: acceptance.gateway.nativeFormat,
                policy: acceptance.profile.slowConsumer,
                delegate: self
            )
        )
        self.profile.logOpened(self.hubConnection, from: environment.client)
    }

    override func begin() {
        guard let connection = self.hubConnection else { return }
        self.answerHandshake()
        let eventLoop = self.shard.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        let client = GatewayConnection(
            socketID: self.gateway.events.makeID("ws"),
            wireProtocol: .nativeWebSocket,
            session: self.session,
            rateLimit: self.gateway.services.configuration.rateLimitEvents
        ) { event, data, _ in
            if eventLoop.inEventLoop {
                handler.value.emit(event, data)
            } else {
                eventLoop.execute { handler.value.emit(event, data) }
            }
        }
        self.client = client
        for topic in self.gateway.topics(of: self.session) { self.shard.subscribe(connection, to: topic) }
        self.gateway.opened()
        self.gateway.events.greet(client)
        self.gateway.confirm(self.session) {
            eventLoop.execute { handler.value.close(.sessionEnded) }
        }
    }

    private func emit(_ event: String, _ data: ByteBuffer) {
        guard self.isOpen else { return }
        self.shard.context.now = self.shard.eventLoop.now
        self.tools.withScratch { message in
            GatewayFrame.write(event, data, into: &message)
            self.send(.text, message)
        }
    }

    override func received(_ kind: MessageKind, _ message: ByteBuffer) {
        guard let client = self.client else { return }
        self.shard.metrics.receivedMessages += 1
        guard client.allowsEvent(at: self.shard.context.now) else {
            client.emitError("Rate limit exceeded")
            return self.close(.rateLimitExceeded)
        }
        switch GatewayFrame(message, kind: kind) {
        case .event(let name, let data):
            self.gateway.router.dispatch(GatewayEvent(name: name, data: data, connection: client))
        case .unnamed(let shown):
            client.emitError("Unknown event type: \(shown)")
        case .unusable:
            client.emitError("Failed to process message")
        }
    }

    override func ended(_ end: End) {
        if case .lost = end, let connection = self.hubConnection {
            self.profile.logEnded(connection.id, after: self.shard.eventLoop.now - self.openedAt)
        }
        guard let client = self.client else { return }
        self.client = nil
        client.closed()
        self.gateway.closed()
    }

    override func close(_ reason: CloseReason) {
        super.close(reason == .tokenExpired ? .sessionEnded : reason)
        self.client?.closed()
    }
}

/// A native connection that may be opened.
struct GatewayAcceptance: WebSocketAcceptance {
    let gateway: Gateway
    let profile: ConnectionProfile
    let session: GatewaySession

    var eventLoop: (any EventLoop)? { nil }

    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        GatewayWebSocketHandler(self, environment)
    }
}

/// Where native connections are accepted: the token is checked before the upgrade.
struct GatewayEndpoint: WebSocketEndpoint {
    let gateway: Gateway
    let profile: ConnectionProfile
    var dialect: DialectName? { self.profile.dialect }

    func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        // The query wins, even when it is the bad one.
        let token = request.query["token"] ?? AuthorizationField.bearer(request.header("Authorization"))
        return .pending(
            eventLoop.makeFutureWithTask {
                do throws(GatewayAuthentication.Failure) {
                    let session = try await self.gateway.authentication.session(token)
                    return .accept(GatewayAcceptance(gateway: self.gateway, profile: self.profile, session: session))
                } catch {
                    return .refuse(error.refusal)
                }
            }
        )
    }
}

extension GatewayAuthentication.Failure {
    var refusal: Refusal {
        switch self {
        case .required: return .gatewayTokenRequired
        case .invalid: return .gatewayTokenInvalid
        case .unavailable: return .gatewayUnavailable
        }
    }
}
