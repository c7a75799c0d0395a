internal import EngineIO
package import Logging
package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import ParleyHub
package import ParleyModel
internal import ParleyText
package import ParleyTransport
package import WebSocketProtocol

/// Where Engine.IO is reached: requests of long-polling, and WebSockets that begin or take over a session.
package struct EngineEndpoint: Sendable {
    let host: EngineHost
    let profile: ConnectionProfile
    package var dialect: DialectName? { self.profile.dialect }

    /// Gives `application` a place to live in.
    /// - Parameters:
    ///   - frameTimeout: Seconds that an unfinished frame may go without progress.
    ///   - places: Those of the process.
    package init(
        _ application: any EngineApplication,
        _ site: Site,
        frameTimeout: Double,
        wallTime: @escaping @Sendable () -> WallTime,
        places: PollingPlaces,
        failures: HandshakeFailures,
        ledger: MemoryLedger,
        logger: Logger
    ) {
        self.host = EngineHost(
            application,
            site: site,
            wallTime: wallTime,
            places: places,
            ledger: ledger,
            refused: { failures.count($0) },
            connectRefused: { failures.count($0, dialect: site.dialect) }
        )
        self.profile = ConnectionProfile(
            dialect: site.dialect,
            formats: nil,
            limits: WebSocketLimits(maximumMessageBytes: application.configuration.engine.maximumPayloadBytes),
            slowConsumer: SlowConsumerPolicy(
                maximumBytes: application.configuration.maximumQueuedBytes,
                overrunTime: application.configuration.stallTime
            ),
            clock: ClockPolicy(frameTimeout: frameTimeout),
            shutdown: .serverShuttingDown,
            ledger: ledger,
            logger: logger
        )
    }

    /// Whether a request belongs here by its path, or by carrying `EIO`.
    static func claims(path: Substring, configuration: SocketIOConfiguration) -> Bool {
        guard let rest = path.rest(after: configuration.path) else { return false }
        return rest.utf8.first == UInt8(ascii: "/") || (rest.isEmpty && !configuration.addsTrailingSlash)
    }

    private func connectionRequest(_ request: UpgradeRequest) -> ConnectionRequest {
        ConnectionRequest(
            method: request.head.method.rawValue,
            url: request.head.uri,
            headers: request.head.headers.map { ($0.name, $0.value) },
            remoteAddress: request.remoteIP,
            isSecure: request.isSecure,
            time: self.host.wallTime()
        )
    }

    private func engineRequest(_ request: UpgradeRequest, _ connection: ConnectionRequest) -> EngineRequest {
        let method: EngineRequest.Method =
            switch request.head.method {
            case .GET: .get
            case .POST: .post
            case .OPTIONS: .options
            default: .other
            }
        return EngineRequest(
            method: method,
            query: connection.query,
            isUpgrade: request.wantsWebSocket,
            origin: request.header("Origin")
        )
    }
}

// MARK: Long-polling

extension EngineEndpoint: ExchangeEndpoint {
    package func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        answer: @escaping (ExchangeAnswer) -> Void
    ) -> any HTTPExchange {
        let connection = self.connectionRequest(request)
        return EngineExchange(
            host: self.host,
            eventLoop: eventLoop,
            request: connection,
            engine: self.engineRequest(request, connection)
        ) { engineAnswer in
            guard engineAnswer.isCompressible, self.compresses(for: request),
                engineAnswer.body.readableBytes >= self.host.configuration.compressionThreshold
            else { return answer(ExchangeAnswer(engineAnswer)) }
            Self.compress(engineAnswer, on: eventLoop, then: answer)
        }
    }

    /// Bodies up to this size are compressed at once; larger ones would hold up everybody else on the loop.
    private static let maximumBytesOnLoop = 32 * 1024

    private static func compress(
        _ answer: EngineAnswer,
        on eventLoop: any EventLoop,
        then: @escaping (ExchangeAnswer) -> Void
    ) {
        guard answer.body.readableBytes > Self.maximumBytesOnLoop else {
            return then(ExchangeAnswer(answer, compressed: GzipEncoder.compress(answer.body)))
        }
        let body = answer.body
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { GzipEncoder.compress(body) }
            .assumeIsolated()
            .whenComplete { then(ExchangeAnswer(answer, compressed: try? $0.get())) }
    }
}

extension EngineEndpoint {
    /// RFC 9110 §12.5.3, as far as clients of Engine.IO go.
    private func compresses(for request: UpgradeRequest) -> Bool {
        self.host.configuration.compressesPolling
            && request.head.headers[canonicalForm: "Accept-Encoding"].contains {
                let parts = $0.split(ascii: ";")
                return parts.first?.trimmingOptionalWhiteSpace.lowercased() == "gzip"
                    && !parts.dropFirst().contains {
                        $0.trimmingOptionalWhiteSpace.hasPrefix("q=0")
                            && !$0.contains(where: { "123456789".contains($0) })
                    }
            }
    }
}

extension EngineExchange: HTTPExchange {}

extension ExchangeAnswer {
    /// - Parameter compressed: The body in gzip; `nil`: it goes as it is.
    init(_ answer: EngineAnswer, compressed: ByteBuffer? = nil) {
        var headers = HTTPHeaders()
        if let type = answer.contentType { headers.add(name: "Content-Type", value: type) }
        for header in answer.headers { headers.add(name: header.name, value: header.value) }
        var body = answer.body
        if let compressed {
            body = compressed
            headers.add(name: "Content-Encoding", value: "gzip")
            headers.add(name: "Vary", value: "Accept-Encoding")
        }
        self.init(
            status: HTTPResponseStatus(statusCode: answer.status),
            headers: headers,
            body: body,
            closes: answer.closes
        )
    }
}

// MARK: WebSocket

extension EngineEndpoint: WebSocketEndpoint {
    package var compression: PerMessageDeflatePolicy? { self.host.configuration.compressesWebSocket ? .default : nil }

    package func admit(_ request: UpgradeRequest, on eventLoop: any EventLoop) -> Admission {
        let connection = self.connectionRequest(request)
        let engine = self.engineRequest(request, connection)
        guard self.host.hasMiddlewares || !self.host.opensImmediately else {
            return self.decide(connection, engine, sessionID: nil, asked: false)
        }
        let promise = eventLoop.makePromise(of: Admission.self)
        promise.completeWithTask {
            if let refusal = await self.host.middlewareRefusal(connection) {
                return self.refuse(refusal, "an HTTP middleware", connection)
            }
            guard case .accept = self.decide(connection, engine, sessionID: nil, asked: false, reports: false),
                engine.query.sessionID == nil
            else { return self.decide(connection, engine, sessionID: nil, asked: false) }
            if let refusal = await self.host.openingRefusal(connection, engine) {
                return self.refuse(refusal, "policy", connection)
            }
            do {
                let id = try await self.host.makeSessionID(connection)
                return self.decide(connection, engine, sessionID: id, asked: true)
            } catch {
                return self.refuse(.badRequest, "the session id", connection)
            }
        }
        return .pending(promise.futureResult)
    }

    /// - Parameters:
    ///   - asked: Whether policy and revision have been asked already.
    ///   - reports: Whether a refusal is told to the application.
    private func decide(
        _ connection: ConnectionRequest,
        _ engine: EngineRequest,
        sessionID: String?,
        asked: Bool,
        reports: Bool = true
    ) -> Admission {
        let location = engine.query.sessionID.flatMap { self.host.location(of: $0) }
        func refuse(_ refusal: EngineRefusal) -> Admission {
            reports ? self.refuse(refusal, refusal.message, connection) : .refuse(.engine(refusal))
        }
        do throws(EngineRefusal) {
            let configuration = self.host.configuration.engine
            switch try engine.purpose(configuration, current: location == nil ? nil : .polling) {
            case .open:
                // Where a policy is asked, it has the first word.
                if !asked, self.host.opensImmediately,
                    let refusal = self.host.originRefusal(engine) ?? engine.revisionRefusal(configuration)
                {
                    return refuse(refusal)
                }
                return .accept(
                    EngineWebSocketAcceptance(
                        host: self.host,
                        profile: self.profile,
                        purpose: .open(connection, sessionID: sessionID)
                    )
                )
            case .upgrade:
                guard let location else { return refuse(.sessionUnknown) }
                return .accept(
                    EngineWebSocketAcceptance(host: self.host, profile: self.profile, purpose: .upgrade(location))
                )
            case .poll, .post, .unsupportedMethod:
                return refuse(.badRequest)
            }
        } catch {
            return refuse(error)
        }
    }

    private func refuse(_ refusal: EngineRefusal, _ context: String, _ request: ConnectionRequest) -> Admission {
        self.host.report(refusal, context, request)
        return .refuse(.engine(refusal))
    }
}

extension Refusal {
    /// The reference refuses upgrades with the message alone.
    static func engine(_ refusal: EngineRefusal) -> Refusal {
        .socketIO(status: refusal.upgradeStatus, message: refusal.message)
    }
}

/// A WebSocket of Engine.IO that may be opened.
struct EngineWebSocketAcceptance: WebSocketAcceptance {
    enum Purpose: Sendable {
        case open(ConnectionRequest, sessionID: String?)
        case upgrade(ConnectionID)
    }

    let host: EngineHost
    let profile: ConnectionProfile
    let purpose: Purpose

    /// A WebSocket has to be where the session is that it takes over.
    var eventLoop: (any EventLoop)? {
        guard case .upgrade(let id) = self.purpose else { return nil }
        return self.host.site.hub.eventLoop(of: Int(id.shard))
    }

    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        EngineWebSocketHandler(self, environment)
    }
}
