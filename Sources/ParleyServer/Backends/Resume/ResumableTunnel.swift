internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// A client's WebSocket through the proxy that stays open while one backend follows another: drives a ``ResumableSocket``.
///
/// On the event loop of its connections.
final class ResumableTunnel {
    private let proxied: ProxiedRequest
    private let endpoint: ProxyEndpoint
    private let pool: UpstreamPool
    private let eventLoop: any EventLoop
    private let subprotocol: String?
    private var socket: ResumableSocket
    private var client: TunnelEnd?
    private var backend: TunnelEnd?

    /// The present backend's, or the last one's.
    private var route: BackendRoute?
    /// What is to be taken back of a route that is open.
    private var opened: Opened?
    private var handshake: ResumeHandshake?
    /// What a backend has said that is not joined yet; `nil`: all others.
    private var early: ByteBuffer?
    private var search: Task<Void, Never>?
    private var patience: Scheduled<Void>?
    private var deadline = NIODeadline.uptimeNanoseconds(0)
    /// What ``ResumeBudget`` knows of.
    private var accounted = 0
    private var holding: MemoryLedger.Holding?

    private struct Opened {
        let registration: Int
        let leaving: Int
        var wait: Int?
    }

    private static let retryTime = TimeAmount.milliseconds(100)

    /// - Parameter subprotocol: That of the WebSocket, which every backend must agree to.
    init(
        _ proxied: ProxiedRequest,
        _ endpoint: ProxyEndpoint,
        pool: UpstreamPool,
        eventLoop: any EventLoop,
        subprotocol: String?
    ) {
        self.proxied = proxied
        self.endpoint = endpoint
        self.pool = pool
        self.eventLoop = eventLoop
        self.subprotocol = subprotocol
        self.socket = ResumableSocket(ResumePolicy())
    }

    private var supervisor: BackendSupervisor { self.endpoint.services.supervisor }

    /// - Parameter route: Opened; its backend has agreed to speak WebSocket.
    func begin(_ route: BackendRoute, to channel: any Channel) -> TunnelHandlers {
        self.socket = ResumableSocket(route.resume ?? ResumePolicy())
        let (client, backend) = (
            TunnelEnd(self, ledger: self.endpoint.services.ledger),
            TunnelEnd(self, ledger: self.endpoint.services.ledger)
        )
        (self.client, self.backend) = (client, backend)
        self.adopt(route)
        Self.tellResets(channel)
        return TunnelHandlers(client: client, backend: backend, onStart: self.start) {
            (self.client, self.backend) = (nil, nil)
            self.release()
        }
    }

    private func start() {
        self.perform(self.socket.begin())
        self.flush()
    }

    /// Has the end of a backend's connection come in two steps, so that the system can be asked about it.
    private static func tellResets(_ channel: any Channel) {
        try? channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
    }

    // MARK: The connections

    func received(_ bytes: ByteBuffer, from end: TunnelEnd) {
        if end === self.client {
            self.perform(self.socket.clientSent(bytes))
        } else if end === self.backend {
            if self.early?.writeImmutableBuffer(bytes) == nil { self.perform(self.socket.backendSent(bytes)) }
        }
    }

    func flush() {
        self.client?.flush()
        self.backend?.flush()
    }

    /// Each is read from as fast as the other is written to; a client without a backend as fast as its pings are answered.
    func mayRead(_ end: TunnelEnd) -> Bool {
        guard !self.socket.isOver else { return true }
        let other = end === self.client && !self.socket.isAlone ? self.backend : self.client
        return other?.isWritable ?? true
    }

    func writabilityChanged() {
        self.client?.resumeReading()
        self.backend?.resumeReading()
    }

    func closed(_ end: TunnelEnd) {
        if end === self.client {
            self.client = nil
            if !self.socket.clientClosed() { self.stop() }
        } else if end === self.backend {
            self.backend = nil
            // Gone before it had come: the search goes on.
            if self.early.take() != nil { return self.lost() }
            self.release()
            self.perform(self.socket.backendClosed(isReset: end.isReset))
            self.flush()
            self.client?.resumeReading()
        }
    }

    private func perform(_ actions: [ResumableSocket.Action]) {
        let last = actions.lastIndex { if case .toBackend = $0 { true } else { false } }
        var wholeBytes = 0
        for (index, action) in actions.enumerated() {
            switch action {
            case .toClient(let bytes): self.client?.write(bytes)
            case .toBackend(let bytes, let isWhole):
                if isWhole { wholeBytes += bytes.readableBytes }
                guard index == last, wholeBytes > 0, let backend = self.backend else {
                    self.backend?.write(bytes)
                    continue
                }
                // One promise for all: they are written in order.
                backend.write(bytes) { [wholeBytes] in
                    if self.backend === backend { self.socket.wrote(wholeBytes) }
                }
            case .closeBackend: self.backend?.finish(.all)
            case .findBackend: self.find()
            case .end(let reason): self.end(reason)
            }
        }
        self.account()
    }

    private func end(_ reason: CloseReason?) {
        if let reason, let client = self.client {
            var frame = ByteBuffer()
            WebSocketFrame.writeClose(code: .init(rawValue: reason.code), reason: reason.reason, into: &frame)
            client.write(frame)
        }
        self.client?.finish(.output)
        self.stop()
    }

    /// The client is gone, or about to be.
    private func stop() {
        self.search?.cancel()
        self.patience?.cancel()
        self.handshake?.cancel()
        self.handshake = nil
        self.release()
        self.backend?.finish(.all)
        // Nobody will tell of an end that never came to a connection.
        if self.backend?.isAttached == false { self.backend = nil }
        self.account()
        self.client?.resumeReading()
    }

    /// What is held for backends and clients is bounded in all.
    private func account() {
        // A few bytes are no more than any connection has.
        let held = self.socket.heldBytes / ResumeBudget.granule * ResumeBudget.granule
        guard held != self.accounted else { return }
        let isWithin = self.endpoint.services.resumeBudget.add(held - self.accounted)
        self.count(held)
        let isMore = held > self.accounted
        self.accounted = held
        if !isWithin, isMore { self.perform(self.socket.exhausted()) }
    }

    /// With all that waits in the process; the largest is told to go when that is too much.
    private func count(_ held: Int) {
        guard held > 0 else {
            self.holding = nil
            return
        }
        if self.holding == nil {
            let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
            self.holding = self.endpoint.services.ledger.open(.proxy) {
                eventLoop.execute { bound.value.perform(bound.value.socket.exhausted()) }
            }
        }
        self.holding?.update(bytes: held)
    }

    // MARK: Routes

    /// A route is open, and stays so until ``release()``.
    private func adopt(_ route: BackendRoute) {
        self.route = route
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        self.opened = Opened(
            registration: self.supervisor.register(route) { eventLoop.execute { bound.value.cutOff(route) } },
            leaving: self.supervisor.whenLeaving(route) { eventLoop.execute { bound.value.leaving(route) } }
        )
    }

    private func release() {
        guard let opened = self.opened.take(), let route = self.route else { return }
        self.supervisor.unregister(opened.registration, of: route)
        self.supervisor.stopWatching(opened.leaving, of: route)
        if let wait = opened.wait { self.supervisor.stopWaiting(wait, for: route) }
        self.supervisor.closed(route)
    }

    /// The token was taken back, or the backend has been gone for a while.
    private func cutOff(_ route: BackendRoute) {
        guard self.route === route, self.opened != nil else { return }
        if self.supervisor.isServing(route) {
            self.perform(self.socket.revoked())
        } else {
            self.backend?.close()
        }
    }

    private func leaving(_ route: BackendRoute) {
        guard self.route === route, self.backend != nil else { return }
        self.socket.backendLeaves()
        self.client?.resumeReading()
    }

    // MARK: The next backend

    private func find() {
        guard let policy = self.route?.resume else { return }
        self.deadline = .now() + policy.patience
        self.patience = self.eventLoop.assumeIsolated().scheduleTask(in: policy.patience) {
            self.giveUp(.serviceRestart)
        }
        self.findNext()
    }

    private func findNext() {
        guard let route = self.route else { return }
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
        let (supervisor, deadline, isExpected) = (self.supervisor, self.deadline, self.socket.hasFarewell)
        self.search = Task {
            let succession = await supervisor.successor(of: route, isExpected: isExpected, until: deadline)
            eventLoop.execute { bound.value.found(succession) }
        }
    }

    private func found(_ succession: Succession) {
        guard self.isSearching else { return }
        switch succession {
        case .successor(let route): self.open(route, after: self.route?.backend ?? route.backend)
        case .stayed: self.giveUp(nil)
        case .none: self.giveUp(.serviceRestart)
        case .shuttingDown: self.giveUp(.serverShuttingDown)
        }
    }

    /// Also for the last words of a client that is gone.
    private var isSearching: Bool { self.socket.isAlone }

    private func giveUp(_ reason: CloseReason?) {
        guard self.isSearching else { return }
        self.perform(self.socket.gaveUp(reason))
        self.flush()
    }

    private func open(_ route: BackendRoute, after previous: BackendID) {
        switch self.supervisor.open(route.token) {
        case .ready(let route, let address):
            self.adopt(route)
            self.connect(to: address, after: previous)
        case .pending(let route):
            self.adopt(route)
            let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
            self.opened?.wait = self.supervisor.whenReady(route) { address in
                eventLoop.execute { bound.value.settled(route, address, after: previous) }
            }
        case .gone:
            self.route = route
            self.findNext()
        case .full:
            self.eventLoop.assumeIsolated().scheduleTask(in: Self.retryTime) {
                if self.isSearching { self.open(route, after: previous) }
            }
        }
    }

    private func settled(_ route: BackendRoute, _ address: SocketAddress?, after previous: BackendID) {
        guard self.isSearching, self.route === route else { return }
        self.opened?.wait = nil
        if let address { self.connect(to: address, after: previous) } else { self.lost() }
    }

    private func connect(to address: SocketAddress, after previous: BackendID) {
        guard let route = self.route else { return }
        self.pool.connect(to: address).assumeIsolated().whenComplete { result in
            guard self.isSearching, self.route === route, case .success(let upstream) = result else {
                if case .success(let upstream) = result { upstream.close() }
                return self.lost()
            }
            self.handshake = ResumeHandshake(
                upstream,
                asking: self.proxied.head(for: route, after: previous, subprotocol: self.subprotocol)
            ) { outcome in
                self.handshake = nil
                switch outcome {
                case .agreed(let channel): self.join(channel)
                case .refused: self.giveUp(.serviceRestart)
                case .closed: self.lost()
                }
            }
        }
    }

    /// That one is gone as well.
    private func lost() {
        guard self.isSearching else { return }
        self.release()
        self.findNext()
    }

    private func join(_ channel: any Channel) {
        guard self.isSearching else { return channel.close(promise: nil) }
        let end = TunnelEnd(self, ledger: self.endpoint.services.ledger)
        do {
            // Nobody would say so later.
            guard channel.isActive else { return self.lost() }
            try channel.pipeline.syncOperations.addHandler(end)
        } catch {
            return self.lost()
        }
        self.backend = end
        Self.tellResets(channel)
        // Nothing can be written before the decoder is gone; what came behind the answer is passed on as it goes.
        self.early = ByteBuffer()
        let bound = NIOLoopBound((self, end), eventLoop: self.eventLoop)
        UpstreamPool.removeHTTP(from: channel.pipeline.syncOperations)?.whenComplete { _ in
            let (tunnel, end) = bound.value
            if tunnel.backend === end { tunnel.joined() }
        }
    }

    private func joined() {
        guard self.isSearching, let route = self.route else { return }
        self.patience?.cancel()
        self.perform(self.socket.backendJoined())
        if let early = self.early.take() { self.perform(self.socket.backendSent(early)) }
        self.flush()
        // All has been said.
        if self.client == nil { return self.stop() }
        // Asked to end in the meantime.
        if !self.supervisor.isServing(route) { self.socket.backendLeaves() }
        self.client?.resumeReading()
    }
}

@available(*, unavailable)
extension ResumableTunnel: Sendable {}
