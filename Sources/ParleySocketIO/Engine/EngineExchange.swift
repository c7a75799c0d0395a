package import EngineIO
internal import Logging
package import NIOCore
internal import ParleyHub
internal import ParleyModel
internal import Synchronization

/// One HTTP request for Engine.IO, on the event loop of its connection, which need not be that of its session.
package final class EngineExchange {
    private enum Phase {
        case deciding
        /// A poll that its session holds.
        case polling(ConnectionID, ExchangeID)
        /// A POST; `isTaken` once the session has agreed to it.
        case posting(ConnectionID, isTaken: Bool)
        case answered
    }

    private let host: EngineHost
    private let eventLoop: any EventLoop
    private let request: ConnectionRequest
    private let engine: EngineRequest
    private let contentLength: Int?
    private let isBinary: Bool
    private let answer: (EngineAnswer) -> Void
    private var phase = Phase.deciding
    /// Its number among those that wait here; `nil` while nothing is asked of a session.
    private var number: UInt64?
    private var body = ByteBuffer()
    /// What the process knows of ``body``.
    private var holding: MemoryLedger.Holding?
    private var isComplete = false
    private var isTooLarge = false

    /// - Parameter answer: Called once, on `eventLoop`.
    package init(
        host: EngineHost,
        eventLoop: any EventLoop,
        request: ConnectionRequest,
        engine: EngineRequest,
        answer: @escaping (EngineAnswer) -> Void
    ) {
        self.host = host
        self.eventLoop = eventLoop
        self.request = request
        self.engine = engine
        self.contentLength = request.header("Content-Length").flatMap { Int($0) }
        self.isBinary = request.header("Content-Type")?.lowercased().hasPrefix("application/octet-stream") ?? false
        self.answer = answer
    }

    // MARK: Events of the request

    /// The head is here.
    package func begin() {
        self.host.site.hub.shard(on: self.eventLoop).receiveMail()
        if self.engine.method == .options, self.host.configuration.cors != nil { return self.preflight() }
        guard self.host.hasMiddlewares else { return self.decide() }
        let (host, request) = (self.host, self.request)
        self.wait {
            await host.middlewareRefusal(request)
        } then: { exchange, refusal in
            if let refusal {
                exchange.refuse(refusal, "an HTTP middleware")
            } else {
                exchange.decide()
            }
        }
    }

    package func received(_ piece: ByteBuffer) {
        if case .answered = self.phase { return }
        // Bodies of other requests mean nothing.
        guard self.engine.method == .post, !self.isTooLarge else { return }
        guard self.body.readableBytes + piece.readableBytes <= self.maximumBytes else {
            self.isTooLarge = true
            self.dropBody()
            return self.refuseBody()
        }
        self.body.writeImmutableBuffer(piece)
        self.accountForBody()
    }

    /// Bodies up to this size are not worth a look at the ledger: a connection costs as much in any case.
    private static let uncountedBytes = 4096

    private func accountForBody() {
        guard self.body.readableBytes > Self.uncountedBytes else { return }
        let holding = self.holding ?? self.openHolding()
        self.holding = holding
        holding.update(bytes: self.body.capacity)
    }

    private func openHolding() -> MemoryLedger.Holding {
        let exchange = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        return self.host.ledger.open(.input) { eventLoop.execute { exchange.value.evicted() } }
    }

    /// The body is the largest of too much that waits in memory. Its session loses a request, and ends with it.
    private func evicted() {
        self.isTooLarge = true
        self.dropBody()
        if case .posting(let location, _) = self.phase { self.tell(.dropPost(location), to: location) }
        var answer = EngineAnswer(status: 503)
        answer.headers = [("Retry-After", "5")]
        answer.closes = true
        self.respond(answer)
    }

    private func dropBody() {
        self.body = ByteBuffer()
        self.holding = nil
    }

    package func ended() {
        self.host.site.hub.shard(on: self.eventLoop).receiveMail()
        self.isComplete = true
        self.postIfReady()
    }

    /// The client sends nothing more. It may wait for an answer; but a poll that is held has none, and a client that goes away
    /// looks the same.
    package func inputClosed() {
        guard case .polling(let id, let exchange) = self.phase else { return }
        self.tell(.dropPoll(id, of: exchange), to: id)
    }

    /// The connection is gone before there was an answer.
    package func aborted() {
        let phase = self.phase
        self.phase = .answered
        self.stopWaiting()
        switch phase {
        case .polling(let id, let exchange): self.tell(.dropPoll(id, of: exchange), to: id)
        case .posting(let id, _): self.tell(.dropPost(id), to: id)
        case .deciding, .answered: break
        }
    }

    // MARK: Deciding

    private func preflight() {
        var answer = EngineAnswer(status: self.host.configuration.cors?.preflightStatus ?? 204)
        answer.headers =
            self.host.configuration.cors?
            .preflightHeaders(requested: self.request.header("Access-Control-Request-Headers")) ?? []
        self.respond(answer)
    }

    private func decide() {
        // The client may have gone while middlewares thought about it.
        guard case .deciding = self.phase else { return }
        if let file = self.bundle { return self.respond(self.answer(with: file)) }
        let location = self.engine.query.sessionID.flatMap { self.host.location(of: $0) }
        // Whether the session polls is known on its own loop; here it is enough that it exists.
        let current: EngineConfiguration.Transport? = location == nil ? nil : .polling
        do throws(EngineRefusal) {
            switch try self.engine.purpose(self.host.configuration.engine, current: current) {
            case .open: self.open()
            case .poll: if let location { self.poll(location) }
            case .post: if let location { self.post(location) }
            case .upgrade: self.refuse(.badRequest, "an upgrade request that is none")
            case .unsupportedMethod: self.respond(EngineAnswer(status: 405))
            }
        } catch {
            self.refuse(error, "\(error.message): \(self.engine.query["transport"] ?? "no transport")")
        }
    }

    // MARK: The client's bundles

    private var bundle: ClientBundles.File? {
        guard self.engine.method == .get, self.engine.query["EIO"] == nil else { return nil }
        let path = self.request.path
        let prefix = self.host.configuration.path + "/"
        return path.hasPrefix(prefix) ? self.host.bundles[path.dropFirst(prefix.count)] : nil
    }

    private func answer(with file: ClientBundles.File) -> EngineAnswer {
        let known = self.request.header("If-None-Match")?.split(separator: ",").map { tag in
            tag.drop { $0 == " " || $0 == "W" || $0 == "/" }
        }
        let isKnown = known?.contains { $0 == file.tag } ?? false
        var answer =
            isKnown
            ? EngineAnswer(status: 304) : EngineAnswer(status: 200, contentType: file.contentType, body: file.body)
        answer.isCompressible = true
        answer.headers = [("ETag", file.tag), ("Cache-Control", "public, max-age=0")]
        return answer
    }

    private func refuse(_ refusal: EngineRefusal, _ context: String) {
        if case .answered = self.phase { return }
        self.host.report(refusal, context, self.request)
        self.respond(.refusal(refusal))
    }

    private func respond(_ answer: EngineAnswer, isFirst: Bool = false) {
        if case .answered = self.phase { return }
        self.phase = .answered
        self.stopWaiting()
        self.dropBody()
        var answer = answer
        let configuration = self.host.configuration
        answer.headers += configuration.cors?.headers(for: self.engine.origin) ?? []
        if isFirst { answer.headers += configuration.hooks.initialHeaders?(self.request) ?? [] }
        answer.headers += configuration.hooks.headers?(self.request) ?? []
        // What is still to come of the request is not worth the wait.
        if !self.isComplete, self.engine.method == .post || self.hasBody { answer.closes = true }
        self.answer(answer)
    }

    private var hasBody: Bool {
        (self.contentLength ?? 0) > 0 || self.request.header("Transfer-Encoding") != nil
    }

    // MARK: Opening

    private func open() {
        guard !self.host.opensImmediately else {
            if let refusal = self.host.originRefusal(self.engine)
                ?? self.engine.revisionRefusal(self.host.configuration.engine)
            {
                return self.refuse(refusal, "policy")
            }
            return self.open(sessionID: nil)
        }
        let (host, request, engine) = (self.host, self.request, self.engine)
        self.wait { () -> Result<String?, EngineRefusal> in
            if let refusal = await host.openingRefusal(request, engine) { return .failure(refusal) }
            do {
                return .success(try await host.makeSessionID(request))
            } catch {
                return .failure(.badRequest)
            }
        } then: { exchange, result in
            switch result {
            case .success(let id): exchange.open(sessionID: id)
            case .failure(let refusal): exchange.refuse(refusal, "policy")
            }
        }
    }

    private func open(sessionID: String?) {
        guard case .deciding = self.phase else { return }
        let place: PollingPlaces.Place
        switch self.host.places.take(address: self.request.remoteAddress ?? "unknown") {
        case .success(let taken): place = taken
        case .failure(let shortage): return self.respond(.refusal(self.host.refusal(for: shortage)))
        }
        let shard = self.host.site.hub.shard(on: self.eventLoop)
        let id = sessionID ?? RandomIdentifier.urlSafe(length: 20, using: &shard.context.random)
        let connection = EngineConnection(
            host: self.host,
            shard: shard,
            request: self.request,
            sessionID: id,
            driver: nil,
            place: place
        )
        guard connection.open() else {
            connection.close(.transportError)
            return self.refuse(.badRequest, "a session id that is taken")
        }
        shard.flushNotes()
        var answer = connection.takeHandshake()
        if let cookie = self.host.configuration.cookie { answer.headers.append(("Set-Cookie", cookie.header(id))) }
        self.respond(answer, isFirst: true)
    }

    // MARK: Live sessions

    private func poll(_ location: ConnectionID) {
        let exchange = self.beginWaiting()
        self.phase = .polling(location, exchange)
        self.tell(.poll(location, for: exchange), to: location)
    }

    /// What the session says to a poll, or to a POST when it has taken it.
    func answered(_ answer: EngineAnswer) { self.respond(answer) }

    /// There is no such session any more.
    func sessionEnded() { self.refuse(.sessionUnknown, "a session that has just ended") }

    private var maximumBytes: Int { self.host.configuration.engine.maximumPayloadBytes }

    private func post(_ location: ConnectionID) {
        self.phase = .posting(location, isTaken: false)
        self.tell(.beginPost(location, for: self.beginWaiting()), to: location)
    }

    func postDecided(_ refusal: EngineAnswer?) {
        // Gone or refused meanwhile, and the session has been told so, behind the question that this answers.
        guard case .posting(let location, _) = self.phase else { return }
        if let refusal { return self.respond(refusal) }
        self.phase = .posting(location, isTaken: true)
        // With a declared length there is no need to wait for the rest.
        if self.isTooLarge || contentLength.map({ $0 > self.maximumBytes }) == true { return self.refuseBody() }
        self.postIfReady()
    }

    /// More than `maxHttpBufferSize`: the session stays, and nothing more is read of the request.
    private func refuseBody() {
        // Until the session has agreed to the request, there is nothing to take back.
        guard case .posting(let location, isTaken: true) = self.phase else { return }
        self.host.application.logger.debug(
            "A request body exceeds maximumPayloadBytes (maxHttpBufferSize)",
            metadata: ["limit": .stringConvertible(self.maximumBytes)]
        )
        self.tell(.refusePost(location), to: location)
        var answer = EngineAnswer(status: 413)
        answer.closes = true
        self.respond(answer)
    }

    private func postIfReady() {
        guard self.isComplete, case .posting(let location, isTaken: true) = self.phase else { return }
        let (body, isBinary) = (self.body, self.isBinary)
        // Counted until it is answered.
        self.body = ByteBuffer()
        self.tell(.post(location, body, isBinary: isBinary, for: self.beginWaiting()), to: location)
    }

    // MARK: Crossing

    /// Tells the shard of a session something: at once if that is here.
    private func tell(_ command: EngineCommand, to location: ConnectionID) {
        self.host.send(command, from: self.shard, to: Int(location.shard))
    }

    private var shard: Shard { self.host.site.hub.shard(on: self.eventLoop) }

    /// From now on it is found by whoever answers it.
    private func beginWaiting() -> ExchangeID {
        let shard = self.shard
        let number = self.number ?? self.host.waiting(on: shard).add(self)
        self.number = number
        return ExchangeID(shard: shard.index, number: number)
    }

    private func stopWaiting() {
        guard let number else { return }
        self.number = nil
        self.host.waiting(on: self.shard).remove(number)
    }

    private func wait<Value: Sendable>(
        _ work: @escaping @Sendable () async -> Value,
        then: @escaping @Sendable (EngineExchange, Value) -> Void
    ) {
        let exchange = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        Task {
            let value = await work()
            eventLoop.execute { then(exchange.value, value) }
        }
    }
}

@available(*, unavailable)
extension EngineExchange: Sendable {}
