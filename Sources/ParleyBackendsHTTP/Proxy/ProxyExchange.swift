internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub
internal import ParleyTransport

/// One request on its way to a backend, and the response on its way back: does what a ``ProxyExchangeMachine`` says.
///
/// On the event loop of both connections.
final class ProxyExchange: ForwardedExchange, UpstreamDelegate {
    /// The session that is open for it.
    private struct Session {
        let route: BackendRoute
        let path: ProxyPath
        /// `nil`: the backend is not ready.
        var address: SocketAddress?
        var registration: Int?
        var wait: Int?
        var patience: Scheduled<Void>?
    }

    private let request: UpgradeRequest
    private let decision: ProxyEndpoint.Decision
    private let resources: ProxyResources
    /// Until all is said. A weak reference would make each use of it, and of the other end, a slow one.
    private var downstream: (any ProxyDownstream)?
    private var machine: ProxyExchangeMachine
    private var session: Session?
    private var upstream: UpstreamConnection?
    /// On its way to the client.
    private var output = SmallWrites()
    /// What the process knows to wait here.
    private var holding: MemoryLedger.Holding?

    /// - Parameter decision: Made just now; a session that it opens is closed by the exchange.
    init(
        _ request: UpgradeRequest,
        _ decision: ProxyEndpoint.Decision,
        _ resources: ProxyResources,
        downstream: any ProxyDownstream
    ) {
        self.request = request
        self.decision = decision
        self.resources = resources
        self.downstream = downstream
        self.machine = ProxyExchangeMachine(request.head)
    }

    var isUpgrade: Bool { self.machine.isUpgrade }

    // MARK: The client

    func begin() {
        switch self.decision {
        case .refuse(let refusal): self.perform(self.machine.refused(refusal))
        case .open(let route, let address, let path):
            self.session = Session(route: route, path: path, address: address)
            let destination = ProxyExchangeMachine.Destination(
                backend: route.backend,
                mayResume: route.resume != nil && self.request.handshakeRefusal == nil
            )
            let now = self.resources.eventLoop.now
            self.perform(self.machine.opened(destination, isReady: address != nil, now: now))
        }
    }

    func received(_ piece: ByteBuffer) {
        switch self.machine.received(piece) {
        case .send(let piece):
            self.perform(.sendBody(piece))
            self.perform(.flushBackend)
        case .hold(let bytes): self.perform(.hold(bytes: bytes))
        case .drop: break
        }
    }

    func ended() { self.perform(self.machine.ended()) }

    /// The client is gone.
    func aborted() {
        self.perform(self.machine.aborted())
        self.downstream = nil
    }

    func writabilityChanged(_ isWritable: Bool) { self.perform(self.machine.clientWritable(isWritable)) }

    // MARK: The backend

    func upstreamReceived(head: HTTPResponseHead) {
        self.perform(self.machine.backendReceived(head, date: HTTPDate.current))
    }

    func upstreamReceived(body: ByteBuffer) {
        switch self.machine.backendReceived(body) {
        case .plain(let piece): self.write(piece)
        case .chunk(let piece):
            self.write(.chunkHeader(piece.readableBytes))
            self.write(piece)
            self.write(ByteBuffer(staticString: "\r\n"))
        case .drop: break
        }
    }

    func upstreamEnded(trailers: HTTPHeaders?) { self.perform(self.machine.backendEnded(trailers)) }

    func upstreamReadComplete() {
        switch self.machine.backendPaused() {
        case .flushClient(let isWatchingToken):
            if isWatchingToken { self.perform(.watchToken) }
            self.perform(.flushClient)
        case .wait: break
        }
    }

    func upstreamWritabilityChanged() {
        self.perform(self.machine.backendWritable(self.upstream?.isWritable ?? true))
    }

    func upstreamClosed() {
        self.upstream = nil
        self.perform(self.machine.backendClosed())
    }

    // MARK: What the machine says

    private func perform(_ actions: [ProxyExchangeMachine.Action]) {
        for action in actions { self.perform(action) }
    }

    private func perform(_ action: ProxyExchangeMachine.Action?) {
        switch action {
        case .watchToken: self.watchToken()
        case .awaitBackend(let deadline): self.awaitBackend(until: deadline)
        case .release: self.release()

        case .findIdle: self.findIdle()
        case .connect: self.connect()
        case .sendHead(let isResumable): self.sendHead(isResumable)
        case .sendBody(let piece): self.upstream?.write(.body(.byteBuffer(piece)))
        case .sendEnd: self.upstream?.write(.end(nil))
        case .flushBackend:
            self.upstream?.flush()
            self.upstreamWritabilityChanged()
        case .readBackend(let isReading): self.upstream?.setReading(isReading)
        case .giveBack: self.giveBack()
        case .closeBackend: self.upstream.take()?.close()

        case .readClient(let isReading): self.downstream?.setReading(isReading)
        case .hold(let bytes): self.hold(bytes)
        case .respond(let status, let headers):
            if status.code >= 200 { self.downstream?.responseBegan() }
            self.write(.responseHead(status, headers))
        case .endChunks(let trailers): self.write(.lastChunk(trailers))
        case .flushClient: self.flushClient()
        case .refuse(let refusal, let isHead, let connection): self.refuse(refusal, isHead, connection)
        case .finish(let keepsAlive): self.downstream.take()?.finish(keepsAlive: keepsAlive)
        case .abort: self.downstream.take()?.abort()
        case .tunnel(let tunnel): self.begin(tunnel)
        case nil: break
        }
    }

    private func write(_ bytes: ByteBuffer) { self.output.add(bytes) { self.downstream?.write($0) } }

    private func flushClient() {
        guard let downstream = self.downstream else { return }
        self.output.flush { downstream.write($0) }
        downstream.flush()
        self.perform(self.machine.clientWritable(downstream.isWritable))
    }

    private func refuse(_ refusal: ProxyRefusal, _ isHead: Bool, _ connection: String?) {
        if refusal.status.code >= 400 { self.downstream?.refused(refusal.status) }
        var headers = refusal.headers(date: HTTPDate.current)
        if let connection { headers.add(name: "Connection", value: connection) }
        self.write(.responseHead(refusal.status, headers))
        if !isHead, !refusal.text.isEmpty { self.write(ByteBuffer(string: refusal.text)) }
    }

    /// With all that waits in the process.
    private func hold(_ bytes: Int) {
        guard bytes > 0 else {
            self.holding = nil
            return
        }
        if self.holding == nil {
            self.holding = self.resources.ledger.open(.proxy, evict: self.later { $0.perform($0.machine.evicted()) })
        }
        self.holding?.update(bytes: bytes)
    }

    /// For those who call from any thread.
    private func later(_ body: @escaping @Sendable (ProxyExchange) -> Void) -> @Sendable () -> Void {
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.resources.eventLoop), self.resources.eventLoop)
        return { eventLoop.execute { body(bound.value) } }
    }

    // MARK: The session

    private func watchToken() {
        guard let route = self.session?.route else { return }
        let number = self.resources.routes.register(route, end: self.later { $0.perform($0.machine.cutOff()) })
        self.session?.registration = number
    }

    private func awaitBackend(until deadline: NIODeadline) {
        guard let route = self.session?.route else { return }
        let eventLoop = self.resources.eventLoop
        let patience = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.perform(self.machine.waitedInVain())
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let wait = self.resources.routes.whenReady(route) { address in
            eventLoop.execute { bound.value.settled(address) }
        }
        self.session?.patience = patience
        self.session?.wait = wait
    }

    private func settled(_ address: SocketAddress?) {
        self.session?.patience?.cancel()
        self.session?.address = address
        self.perform(self.machine.settled(isReady: address != nil))
    }

    private func release() {
        guard let session = self.stopWatching() else { return }
        self.resources.routes.closed(session.route)
    }

    /// - Returns: The session, which is open still, for somebody else.
    private func stopWatching() -> Session? {
        guard let session = self.session.take() else { return nil }
        session.patience?.cancel()
        if let registration = session.registration { self.resources.routes.unregister(registration, of: session.route) }
        if let wait = session.wait { self.resources.routes.stopWaiting(wait, for: session.route) }
        return session
    }

    // MARK: The connection

    private func findIdle() {
        self.upstream = self.session?.address.flatMap { self.resources.pool.takeIdle(to: $0) }
        self.perform(self.machine.foundIdle(self.upstream != nil))
    }

    private func connect() {
        guard let address = self.session?.address else { return }
        self.resources.pool.connect(to: address).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let upstream):
                self.upstream = upstream
                self.perform(self.machine.connected())
            case .failure: self.perform(self.machine.connectFailed())
            }
        }
    }

    private func giveBack() {
        if let upstream = self.upstream.take() { self.resources.pool.giveBack(upstream) }
    }

    private func sendHead(_ isResumable: Bool) {
        guard let session = self.session, let upstream = self.upstream else { return }
        upstream.delegate = self
        let request = ProxiedRequest(self.request, path: session.path, isUpgrade: self.isUpgrade)
        upstream.write(.head(request.head(for: session.route, at: session.address, isResumable: isResumable)))
    }

    // MARK: Another protocol

    private func begin(_ tunnel: ProxyExchangeMachine.Tunnel) {
        // A connection of its own from here on.
        guard let upstream = self.upstream.take(), let session = self.stopWatching() else { return }
        guard let channel = upstream.channel, let downstream = self.downstream.take() else {
            upstream.close()
            return self.resources.routes.closed(session.route)
        }
        upstream.delegate = nil
        switch tunnel {
        case .spliced: downstream.tunnel(to: channel, through: self.splice(channel, session.route))
        case .resumable(let subprotocol):
            let request = ProxiedRequest(self.request, path: session.path, isUpgrade: true)
            let tunnel = ResumableTunnel(request, self.resources, subprotocol: subprotocol)
            downstream.tunnel(to: channel, through: tunnel.begin(session.route, to: channel))
        }
    }

    /// The end of the token closes the channel.
    private func splice(_ channel: any Channel, _ route: BackendRoute) -> TunnelHandlers {
        let routes = self.resources.routes
        let number = routes.register(route) { channel.eventLoop.execute { channel.close(promise: nil) } }
        let onEnd: @Sendable () -> Void = {
            routes.unregister(number, of: route)
            routes.closed(route)
        }
        let (client, backend) = SpliceHandler.pair(onEnd: onEnd, ledger: self.resources.ledger)
        return TunnelHandlers(
            client: client,
            backend: backend,
            removeHTTP: UpstreamPool.removeHTTP,
            onFailure: onEnd
        )
    }
}

@available(*, unavailable)
extension ProxyExchange: Sendable {}
