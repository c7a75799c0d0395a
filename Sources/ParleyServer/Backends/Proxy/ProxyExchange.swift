internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub

/// One request on its way to a backend, and the response on its way back. Reads as fast as the other side writes.
final class ProxyExchange: UpstreamDelegate {
    private enum Phase {
        /// The backend has not answered its port yet, or there is no connection to it.
        case waiting
        case forwarding(UpstreamConnection)
        case over
    }

    /// How long a request is held for a backend that does not come up.
    private static let holdTime = TimeAmount.minutes(30)
    private let endpoint: ProxyEndpoint
    private let pool: UpstreamPool
    private let eventLoop: any EventLoop
    private let request: UpgradeRequest
    /// Whether the client wants another protocol. If the backend does not, the connection ends with its answer.
    let isUpgrade: Bool
    private weak var downstream: (any ProxyDownstream)?

    private var phase = Phase.waiting
    private var path: ProxyPath?
    private var route: BackendRoute?
    private var registration: Int?
    private var wait: Int?
    private var address: SocketAddress?
    /// What came before there was anybody to take it; `nil` stands for the end.
    private var pending: CircularBuffer<ByteBuffer?> = []
    private var pendingBytes = 0
    private var pendingHolding: MemoryLedger.Holding?
    private var isRequestComplete = false
    /// Whether part of the response is on its way, so that nothing else may be said.
    private var hasResponse = false
    private var isResponseChunked = false
    private var isResponseComplete = false
    /// The head by which the backend agrees to another protocol; the end of its response comes first.
    private var switching: HTTPResponseHead?
    /// What another backend is asked when this one is gone, for a WebSocket that may outlive it.
    private var resumable: ProxiedRequest?
    private var keepsUpstream = true
    private var keepsDownstream: Bool
    private var holding: Scheduled<Void>?
    /// Said at the end of the request.
    private var refusal: ProxyEndpoint.Refusal?

    init(
        _ request: UpgradeRequest,
        _ endpoint: ProxyEndpoint,
        pool: UpstreamPool,
        eventLoop: any EventLoop,
        downstream: any ProxyDownstream
    ) {
        self.request = request
        self.endpoint = endpoint
        self.pool = pool
        self.eventLoop = eventLoop
        self.downstream = downstream
        self.isUpgrade = ProxyHeaders.isUpgrade(request.head.headers)
        // What follows a request to upgrade cannot be told from the other protocol.
        self.keepsDownstream = request.head.isKeepAlive && !self.isUpgrade
    }

    private var supervisor: BackendSupervisor { self.endpoint.services.supervisor }

    // MARK: The client

    /// The head is here.
    func begin() {
        switch self.endpoint.decide(self.request) {
        case .refuse(let refusal):
            // The end of a request without a body is here in an instant, and the connection is good for the next.
            if self.hasBody { self.refuse(refusal) } else { self.refusal = refusal }
        case .open(let route, let address, let path):
            self.route = route
            self.path = path
            if let address { self.connect(to: address) } else { self.hold(route) }
        }
    }

    /// Lets the token's end find this exchange; one whose answer comes in one piece is over before that could matter.
    private func register() {
        guard self.registration == nil, let route = self.route else { return }
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        self.registration = self.supervisor.register(route) {
            eventLoop.execute { bound.value.cutOff() }
        }
    }

    private func hold(_ route: BackendRoute) {
        self.register()
        self.downstream?.setReading(false)
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let eventLoop = self.eventLoop
        self.holding = eventLoop.assumeIsolated().scheduleTask(in: Self.holdTime) {
            self.refuse(
                ProxyEndpoint.Refusal(status: .gatewayTimeout, text: "The session has not become ready in 30 minutes\n")
            )
        }
        self.wait = self.supervisor.whenReady(route) { address in
            eventLoop.execute { bound.value.settled(address) }
        }
    }

    private func settled(_ address: SocketAddress?) {
        guard case .waiting = self.phase else { return }
        self.holding?.cancel()
        if let address { self.connect(to: address) } else { self.refuse(.gone) }
    }

    func received(_ piece: ByteBuffer) {
        switch self.phase {
        case .waiting:
            self.pending.append(piece)
            self.pendingBytes += piece.readableBytes
            self.countPending()
        case .forwarding(let upstream):
            upstream.write(.body(.byteBuffer(piece)))
            upstream.flush()
            if !upstream.isWritable { self.downstream?.setReading(false) }
        case .over: break
        }
    }

    /// With all that waits in the process.
    private func countPending() {
        guard self.pendingBytes > 0 else {
            self.pendingHolding = nil
            return
        }
        if self.pendingHolding == nil {
            let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: self.eventLoop), self.eventLoop)
            self.pendingHolding = self.endpoint.services.ledger.open(.proxy) {
                eventLoop.execute {
                    bound.value.refuse(
                        ProxyEndpoint.Refusal(
                            status: .serviceUnavailable,
                            text: "More waits in this process than PARLEY_PROCESS_BACKLOG_BYTES allows\n",
                            retryAfter: 1
                        )
                    )
                }
            }
        }
        self.pendingHolding?.update(bytes: self.pendingBytes)
    }

    /// The request is complete.
    func ended() {
        self.isRequestComplete = true
        if let refusal = self.refusal { return self.refuse(refusal) }
        switch self.phase {
        case .waiting: self.pending.append(nil)
        case .forwarding(let upstream):
            if self.hasBody {
                upstream.write(.end(nil))
                upstream.flush()
            }
            self.completeIfReady()
        case .over: break
        }
    }

    /// The client is gone.
    func aborted() { self.end(reusing: false) }

    func writabilityChanged(_ isWritable: Bool) {
        if case .forwarding(let upstream) = self.phase { upstream.setReading(isWritable) }
    }

    /// The token was revoked, or the backend has been gone for a while.
    private func cutOff() {
        if case .over = self.phase { return }
        if self.hasResponse { self.downstream?.abort() } else { self.refuse(.gone) }
        self.end(reusing: false)
    }

    // MARK: The backend

    /// Whether asking twice does no more than asking once (RFC 9110 §9.2.2), and nothing of a body would be missing.
    private var mayAskAgain: Bool {
        [.GET, .HEAD, .OPTIONS].contains(self.request.head.method) && !self.hasBody
    }

    private var hasBody: Bool { Self.hasBody(self.request.head.headers) }

    static func hasBody(_ headers: HTTPHeaders) -> Bool {
        headers.contains(name: "Transfer-Encoding") || headers["Content-Length"].contains { $0 != "0" }
    }

    private func connect(to address: SocketAddress) {
        self.address = address
        // A connection that waited may be closed by the backend in this moment: only for what may be asked again.
        if self.mayAskAgain, !self.isUpgrade, let upstream = self.pool.takeIdle(to: address) {
            return self.forward(to: upstream)
        }
        self.connectAnew(to: address)
    }

    private func connectAnew(to address: SocketAddress) {
        self.downstream?.setReading(false)
        self.pool.connect(to: address).assumeIsolated().whenComplete { result in
            guard case .waiting = self.phase else {
                if case .success(let upstream) = result { upstream.close() }
                return
            }
            switch result {
            case .success(let upstream): self.forward(to: upstream)
            case .failure:
                self.refuse(
                    ProxyEndpoint.Refusal(status: .badGateway, text: "The session's process takes no connection\n")
                )
            }
        }
    }

    private func forward(to upstream: UpstreamConnection) {
        guard let route = self.route, let path = self.path else { return }
        self.phase = .forwarding(upstream)
        upstream.delegate = self
        let proxied = ProxiedRequest(
            self.request,
            path: path,
            peer: self.endpoint.peer(of: self.request),
            isUpgrade: self.isUpgrade
        )
        if route.resume != nil, self.isUpgrade, self.request.handshakeRefusal == nil { self.resumable = proxied }
        var head = proxied.head(for: route, isResumable: self.resumable != nil)
        // What goes on is HTTP/1.1, which has one (RFC 9112 §3.2): the address asked, where the client has named none.
        if self.request.head.version == .http1_0, !head.headers.contains(name: "Host"), let address = self.address {
            head.headers.add(name: "Host", value: address.authority)
        }
        upstream.write(.head(head))
        while let piece = self.pending.popFirst() {
            if let piece { upstream.write(.body(.byteBuffer(piece))) } else { upstream.write(.end(nil)) }
        }
        self.pendingBytes = 0
        self.countPending()
        upstream.flush()
        self.downstream?.setReading(true)
    }

    func upstreamReceived(head: HTTPResponseHead) {
        guard case .forwarding = self.phase, let route = self.route else { return }
        if head.status.code == 101 {
            self.switching = head
            return
        }
        let isFinal = head.status.code >= 200
        // Clients of HTTP/1.0 know no interim responses (RFC 9110 §15.2).
        if !isFinal, self.request.head.version == .http1_0 { return }
        var headers = ProxyHeaders.response(head.headers, of: route.backend, isUpgrade: false)
        if isFinal {
            self.hasResponse = true
            self.downstream?.responseBegan()
            self.keepsUpstream = head.isKeepAlive && !self.isUpgrade
            self.frame(head, &headers)
            if !headers.contains(name: "Date") { headers.add(name: "Date", value: HTTPDate.current) }
            // A client that has not said everything, and has its answer, would be misunderstood next.
            self.sayWhetherKept(&headers)
        }
        self.downstream?.write(.responseHead(head.status, headers))
        if !isFinal { self.downstream?.flush() }
    }

    /// RFC 9112 §9.3: without a word, HTTP/1.1 goes on and HTTP/1.0 does not.
    private func sayWhetherKept(_ headers: inout HTTPHeaders) {
        if !self.keepsDownstream {
            headers.add(name: "Connection", value: "close")
        } else if self.request.head.version == .http1_0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
    }

    /// How the end of the body is known (RFC 9112 §6.3).
    private func frame(_ head: HTTPResponseHead, _ headers: inout HTTPHeaders) {
        // A length beside a coding is none (RFC 9112 §6.3).
        if head.headers.contains(name: "Transfer-Encoding") { headers.remove(name: "Content-Length") }
        let hasNoBody = self.request.head.method == .HEAD || head.status == .noContent || head.status == .notModified
        guard !hasNoBody, !headers.contains(name: "Content-Length") else { return }
        if self.request.head.version == .http1_1 {
            self.isResponseChunked = true
            headers.add(name: "Transfer-Encoding", value: "chunked")
        } else {
            self.keepsDownstream = false
        }
    }

    func upstreamReceived(body: ByteBuffer) {
        guard let downstream = self.downstream, body.readableBytes > 0 else { return }
        if self.isResponseChunked { downstream.write(.chunkHeader(body.readableBytes)) }
        downstream.write(body)
        if self.isResponseChunked { downstream.write(ByteBuffer(staticString: "\r\n")) }
    }

    func upstreamEnded(trailers: HTTPHeaders?) {
        if let head = self.switching, case .forwarding(let upstream) = self.phase, let route = self.route {
            return self.switchProtocols(head, upstream, route)
        }
        guard self.hasResponse else { return }
        if self.isResponseChunked {
            var end = ByteBuffer(staticString: "0\r\n")
            end.writeHeaders(ProxyHeaders.trailers(trailers ?? [:]))
            self.downstream?.write(end)
        }
        self.downstream?.flush()
        self.isResponseComplete = true
        if !self.isRequestComplete { self.keepsDownstream = false }
        self.completeIfReady()
    }

    func upstreamReadComplete() {
        guard let downstream = self.downstream else { return }
        downstream.flush()
        if self.hasResponse { self.register() }
        if !downstream.isWritable, case .forwarding(let upstream) = self.phase { upstream.setReading(false) }
    }

    func upstreamWritabilityChanged() {
        if case .forwarding(let upstream) = self.phase { self.downstream?.setReading(upstream.isWritable) }
    }

    func upstreamClosed() {
        guard case .forwarding(let upstream) = self.phase, !self.isResponseComplete else { return }
        if self.hasResponse {
            self.downstream?.abort()
            return self.end(reusing: false)
        }
        guard upstream.isReused, self.mayAskAgain, let address = self.address else {
            return self.refuse(
                ProxyEndpoint.Refusal(
                    status: .badGateway,
                    text: "The session's process has closed the connection before it answered\n"
                )
            )
        }
        // It was about to be closed when it was asked.
        self.phase = .waiting
        if self.isRequestComplete { self.pending.append(nil) }
        self.connectAnew(to: address)
    }

    // MARK: Another protocol

    private func switchProtocols(_ head: HTTPResponseHead, _ upstream: UpstreamConnection, _ route: BackendRoute) {
        guard self.isUpgrade, let channel = upstream.channel, let downstream = self.downstream else {
            return self.refuse(
                ProxyEndpoint.Refusal(
                    status: .badGateway,
                    text: "The session's process has gone over to a protocol that nobody had asked for\n"
                )
            )
        }
        downstream.write(
            .responseHead(head.status, ProxyHeaders.response(head.headers, of: route.backend, isUpgrade: true))
        )
        downstream.flush()
        upstream.delegate = nil
        self.phase = .over
        self.route = nil
        // A connection of its own from here on.
        if let registration = self.registration.take() { self.supervisor.unregister(registration, of: route) }
        if let resumable = self.resumable, !head.headers.contains(name: "Sec-WebSocket-Extensions") {
            let tunnel = ResumableTunnel(
                resumable,
                self.endpoint,
                pool: self.pool,
                eventLoop: self.eventLoop,
                subprotocol: head.headers.first(name: "Sec-WebSocket-Protocol")
            )
            downstream.tunnel(to: channel, through: tunnel.begin(route, to: channel))
        } else {
            downstream.tunnel(to: channel, through: self.splice(channel, route))
        }
    }

    /// What is revoked closes the channel.
    private func splice(_ channel: any Channel, _ route: BackendRoute) -> TunnelHandlers {
        let supervisor = self.supervisor
        let number = supervisor.register(route) { channel.eventLoop.execute { channel.close(promise: nil) } }
        let onEnd: @Sendable () -> Void = {
            supervisor.unregister(number, of: route)
            supervisor.closed(route)
        }
        let (client, backend) = SpliceHandler.pair(onEnd: onEnd, ledger: self.endpoint.services.ledger)
        return TunnelHandlers(client: client, backend: backend, onFailure: onEnd)
    }

    // MARK: The end

    private func refuse(_ refusal: ProxyEndpoint.Refusal) {
        if case .over = self.phase { return }
        let downstream = self.downstream
        let version = self.request.head.version
        var head = refusal.head(version: version)
        // The body of a request that nobody reads stands in the way of the next.
        self.keepsDownstream = self.keepsDownstream && self.isRequestComplete
        let keepsAlive = self.keepsDownstream
        self.sayWhetherKept(&head.headers)
        self.end(reusing: false)
        if head.status.code >= 400 { downstream?.refused(head.status) }
        downstream?.write(.responseHead(head.status, head.headers))
        if self.request.head.method != .HEAD, !refusal.text.isEmpty {
            downstream?.write(ByteBuffer(string: refusal.text))
        }
        downstream?.flush()
        downstream?.finish(keepsAlive: keepsAlive)
    }

    private func completeIfReady() {
        guard self.isResponseComplete, self.isRequestComplete || !self.keepsDownstream else { return }
        let downstream = self.downstream
        let keepsAlive = self.keepsDownstream && self.isRequestComplete
        self.end(reusing: self.keepsUpstream && self.isRequestComplete)
        downstream?.finish(keepsAlive: keepsAlive)
    }

    private func end(reusing: Bool) {
        let phase = self.phase
        self.phase = .over
        self.holding?.cancel()
        self.pending = []
        self.pendingBytes = 0
        self.pendingHolding = nil
        if let route = self.route {
            if let registration = self.registration { self.supervisor.unregister(registration, of: route) }
            if let wait = self.wait { self.supervisor.stopWaiting(wait, for: route) }
            self.supervisor.closed(route)
        }
        self.route = nil
        self.registration = nil
        guard case .forwarding(let upstream) = phase else { return }
        if reusing { self.pool.giveBack(upstream) } else { upstream.close() }
    }
}

@available(*, unavailable)
extension ProxyExchange: Sendable {}

extension SocketAddress {
    /// As it stands in a Host field.
    fileprivate var authority: String {
        let address = self.ipAddress ?? "localhost"
        return "\(address.contains(":") ? "[\(address)]" : address):\(self.port ?? 80)"
    }
}
