internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub
internal import ParleyTransport

/// A client's WebSocket through the proxy that stays open while one backend follows another: does what a
/// ``ResumableTunnelMachine`` says.
///
/// On the event loop of its connections.
final class ResumableTunnel {
    /// What is to be taken back of a route that is open.
    private struct Watch {
        let registration: Int
        let leaving: Int
        var wait: Int?
    }

    private let proxied: ProxiedRequest
    private let resources: ProxyResources
    private let subprotocol: String?
    private var machine = ResumableTunnelMachine(ResumePolicy())
    private var client: TunnelEnd?
    private var backend: TunnelEnd?

    /// The present backend's, or the last one's.
    private var route: BackendRoute?
    private var watched: Watch?
    /// The route that was found.
    private var next: BackendRoute?
    /// The backend before that of the route.
    private var previous: BackendID?
    private var address: SocketAddress?
    private var upstream: UpstreamConnection?
    private var handshake: ResumeHandshake?
    private var search: Task<Void, Never>?
    private var patience: Scheduled<Void>?
    /// What the process knows to wait here.
    private var holding: MemoryLedger.Holding?

    /// - Parameter subprotocol: That of the WebSocket, which every backend must agree to.
    init(_ proxied: ProxiedRequest, _ resources: ProxyResources, subprotocol: String?) {
        self.proxied = proxied
        self.resources = resources
        self.subprotocol = subprotocol
    }

    private var routes: any ProxyRoutes { self.resources.routes }
    private var eventLoop: any EventLoop { self.resources.eventLoop }

    /// - Parameter route: Opened; its backend has agreed to speak WebSocket.
    func begin(_ route: BackendRoute, to channel: any Channel) -> TunnelHandlers {
        let ledger = self.resources.ledger
        let (client, backend) = (TunnelEnd(self, ledger: ledger), TunnelEnd(self, ledger: ledger))
        self.machine = ResumableTunnelMachine(route.resume ?? ResumePolicy())
        (self.client, self.backend, self.route) = (client, backend, route)
        self.perform(self.machine.begin())
        Self.tellResets(channel)
        return TunnelHandlers(
            client: client,
            backend: backend,
            removeHTTP: UpstreamPool.removeHTTP,
            onStart: { self.perform(self.machine.started()) },
            onFailure: {
                (self.client, self.backend) = (nil, nil)
                self.perform(self.machine.failed())
            }
        )
    }

    /// Has the end of a backend's connection come in two steps, so that the system can be asked about it.
    private static func tellResets(_ channel: any Channel) {
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
    }

    // MARK: The connections

    func received(_ bytes: ByteBuffer, from end: TunnelEnd) {
        if end === self.client {
            self.perform(self.machine.clientSent(bytes))
        } else if end === self.backend {
            self.perform(self.machine.backendSent(bytes))
        }
    }

    func flush() {
        self.client?.flush()
        self.backend?.flush()
    }

    func mayRead(_ end: TunnelEnd) -> Bool {
        switch self.machine.pacemaker(of: end === self.client ? .client : .backend) {
        case .client: self.client?.isWritable ?? true
        case .backend: self.backend?.isWritable ?? true
        case nil: true
        }
    }

    func writabilityChanged() {
        self.client?.resumeReading()
        self.backend?.resumeReading()
    }

    func closed(_ end: TunnelEnd) {
        if end === self.client {
            self.client = nil
            self.perform(self.machine.clientClosed())
        } else if end === self.backend {
            self.backend = nil
            self.perform(self.machine.backendClosed(isReset: end.isReset, now: self.eventLoop.now))
        }
    }

    // MARK: What the machine says

    private func perform(_ actions: [ResumableTunnelMachine.Action]) {
        for action in actions { self.perform(action) }
    }

    private func perform(_ action: ResumableTunnelMachine.Action) {
        switch action {
        case .toClient(let bytes): self.client?.write(bytes)
        case .toBackend(let bytes, confirming: 0): self.backend?.write(bytes)
        case .toBackend(let bytes, confirming: let count): self.write(bytes, confirming: count)
        case .flush: self.flush()
        case .readClient: self.client?.resumeReading()
        case .finishClient: self.client?.finish(.output)
        case .finishBackend: self.finishBackend()
        case .closeBackend: self.backend?.close()

        case .findSuccessor(let isExpected, let deadline): self.findSuccessor(isExpected, until: deadline)
        case .startPatience(let deadline):
            self.patience = self.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
                self.perform(self.machine.waitedInVain())
            }
        case .stopPatience: self.patience?.cancel()
        case .open: self.open()
        case .retry(let pause):
            self.eventLoop.assumeIsolated().scheduleTask(in: pause) { self.perform(self.machine.retries()) }
        case .watch(let number): self.watch(number)
        case .passOver: self.route = self.next.take()
        case .awaitBackend(let number): self.awaitBackend(number)
        case .connect(let number): self.connect(number)
        case .shakeHands(let number): self.shakeHands(number)
        case .join(let number): self.join(number)
        case .drop: self.upstream.take()?.close()
        case .stopSearch:
            self.search?.cancel()
            self.handshake.take()?.cancel()
            self.upstream = nil
        case .release: self.release()

        case .hold(let bytes, let more):
            let isWithin = self.resources.resumeBudget.add(more)
            self.hold(bytes)
            if !isWithin, more > 0 { self.perform(self.machine.exhausted()) }
        }
    }

    private func write(_ bytes: ByteBuffer, confirming count: Int) {
        guard let backend = self.backend else { return }
        backend.write(bytes) {
            if self.backend === backend { self.machine.wrote(count) }
        }
    }

    private func finishBackend() {
        self.backend?.finish(.all)
        // Nobody will tell of an end that never came to a connection.
        if self.backend?.isAttached == false { self.backend = nil }
    }

    /// With all that waits in the process; the largest is told to go when that is too much.
    private func hold(_ bytes: Int) {
        guard bytes > 0 else {
            self.holding = nil
            return
        }
        if self.holding == nil {
            self.holding = self.resources.ledger.open(.proxy, evict: self.later { $0.perform($0.machine.exhausted()) })
        }
        self.holding?.update(bytes: bytes)
    }

    /// For those who call from any thread.
    private func later(_ body: @escaping @Sendable (ResumableTunnel) -> Void) -> @Sendable () -> Void {
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        return { eventLoop.execute { body(bound.value) } }
    }

    // MARK: The route

    private func watch(_ number: Int) {
        if let next = self.next.take() { self.route = next }
        guard let route = self.route else { return }
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        self.watched = Watch(
            registration: self.routes.register(route) { eventLoop.execute { bound.value.cutOff(number, route) } },
            leaving: self.routes.whenLeaving(route) {
                eventLoop.execute { bound.value.perform(bound.value.machine.leaving(number)) }
            }
        )
    }

    private func cutOff(_ number: Int, _ route: BackendRoute) {
        self.perform(self.machine.cutOff(number, isServing: self.routes.isServing(route)))
    }

    private func release() {
        guard let watched = self.watched.take(), let route = self.route else { return }
        self.routes.unregister(watched.registration, of: route)
        self.routes.stopWatching(watched.leaving, of: route)
        if let wait = watched.wait { self.routes.stopWaiting(wait, for: route) }
        self.routes.closed(route)
    }

    // MARK: The next backend

    private func findSuccessor(_ isExpected: Bool, until deadline: NIODeadline) {
        guard let route = self.route else { return }
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        self.search = self.routes.findSuccessor(of: route, isExpected: isExpected, until: deadline) { succession in
            eventLoop.execute { bound.value.found(succession) }
        }
    }

    private func found(_ succession: Succession) {
        switch succession {
        case .successor(let route):
            self.previous = self.route?.backend
            self.next = route
            self.perform(self.machine.found(.successor))
        case .stayed: self.perform(self.machine.found(.stayed))
        case .none: self.perform(self.machine.found(.nobody))
        case .shuttingDown: self.perform(self.machine.found(.shuttingDown))
        }
    }

    private func open() {
        guard let next = self.next else { return }
        switch self.routes.open(next.token) {
        case .ready(let route, let address):
            self.next = route
            self.address = address
            self.perform(self.machine.opened(.ready))
        case .pending(let route):
            self.next = route
            self.perform(self.machine.opened(.pending))
        case .gone: self.perform(self.machine.opened(.gone))
        case .full: self.perform(self.machine.opened(.full))
        }
    }

    private func awaitBackend(_ number: Int) {
        guard let route = self.route else { return }
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        let wait = self.routes.whenReady(route) { address in
            eventLoop.execute { bound.value.settled(number, address) }
        }
        self.watched?.wait = wait
    }

    private func settled(_ number: Int, _ address: SocketAddress?) {
        self.address = address
        self.perform(self.machine.settled(number, isReady: address != nil))
    }

    private func connect(_ number: Int) {
        guard let address = self.address else { return }
        self.resources.pool.connect(to: address).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let upstream):
                self.upstream = upstream
                self.perform(self.machine.connected(number))
            case .failure: self.perform(self.machine.connectFailed(number))
            }
        }
    }

    private func shakeHands(_ number: Int) {
        guard let route = self.route, let previous = self.previous, let upstream = self.upstream else { return }
        let head = self.proxied.head(for: route, after: previous, subprotocol: self.subprotocol)
        self.handshake = ResumeHandshake(upstream, asking: head) { answer in
            self.handshake = nil
            self.perform(self.machine.answered(number, answer))
        }
    }

    private func join(_ number: Int) {
        // Nobody would say so later.
        guard let channel = self.upstream.take()?.channel, channel.isActive else {
            return self.perform(self.machine.joinFailed(number))
        }
        let end = TunnelEnd(self, ledger: self.resources.ledger)
        do {
            try channel.pipeline.syncOperations.addHandler(end)
        } catch {
            return self.perform(self.machine.joinFailed(number))
        }
        self.backend = end
        Self.tellResets(channel)
        // Nothing can be written before the decoder is gone; what came behind the answer is passed on as it goes.
        let bound = NIOLoopBound((self, end), eventLoop: self.eventLoop)
        UpstreamPool.removeHTTP(from: channel)?.whenComplete { _ in
            let (tunnel, end) = bound.value
            if tunnel.backend === end { tunnel.joined(number) }
        }
    }

    private func joined(_ number: Int) {
        let isServing = self.route.map(self.routes.isServing) ?? false
        self.perform(self.machine.joined(number, isServing: isServing))
    }
}

@available(*, unavailable)
extension ResumableTunnel: Sendable {}
