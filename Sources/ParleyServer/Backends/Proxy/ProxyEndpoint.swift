internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel

/// Where requests go on to session backends: a port of its own, or a path of a shared one.
struct ProxyEndpoint: Sendable {
    let services: BackendsServices
    /// What stands before tokens; without a slash at its end.
    let prefix: String
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    init(_ services: BackendsServices, prefix: String, pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]) {
        self.services = services
        self.prefix = prefix
        self.pools = pools
    }

    /// A pool for each event loop.
    static func makePools(
        _ eventLoops: [any EventLoop],
        keepAlive: KeepAlive?,
        ledger: MemoryLedger
    ) -> [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] {
        Dictionary(
            uniqueKeysWithValues: eventLoops.map { eventLoop in
                let pool = UpstreamPool(eventLoop: eventLoop, keepAlive: keepAlive, ledger: ledger)
                return (
                    ObjectIdentifier(eventLoop),
                    NIOLoopBoundBox.makeBoxSendingValue(pool, eventLoop: eventLoop)
                )
            }
        )
    }

    /// On `eventLoop` only.
    func pool(on eventLoop: any EventLoop) -> UpstreamPool? { self.pools[ObjectIdentifier(eventLoop)]?.value }

    /// What a request is answered without asking any backend.
    struct Refusal {
        let status: HTTPResponseStatus
        var location: String?
        /// A sentence for whoever reads it; only ``gone`` has none.
        var text = ""
        /// Seconds.
        var retryAfter: Int?

        /// Nobody knows the token, or no more. Its answer is empty, as Plane's is.
        static let gone = Refusal(status: .gone)

        /// The whole answer, without the fields of the connection.
        func head(version: HTTPVersion) -> HTTPResponseHead {
            var headers = HTTPHeaders(ProxyHeaders.crossOrigin.map { ($0.name, $0.value) })
            headers.add(name: "Date", value: HTTPDate.current)
            headers.add(name: "Server", value: ProxyHeaders.server)
            if let location { headers.add(name: "Location", value: location) }
            if let retryAfter { headers.add(name: "Retry-After", value: "\(retryAfter)") }
            if !self.text.isEmpty { headers.add(name: "Content-Type", value: "text/plain; charset=utf-8") }
            headers.add(name: "Content-Length", value: "\(self.text.utf8.count)")
            return HTTPResponseHead(version: version, status: self.status, headers: headers)
        }
    }

    enum Decision {
        case refuse(Refusal)
        case open(BackendRoute, SocketAddress?, ProxyPath)
    }

    /// Looks at the head of a request, and opens the way to its backend.
    func decide(_ request: UpgradeRequest) -> Decision {
        if request.path == self.prefix + "/ready" {
            let isReady = !self.services.isShuttingDown
            return .refuse(
                Refusal(status: isReady ? .ok : .serviceUnavailable, text: isReady ? "ready\n" : "not ready\n")
            )
        }
        guard let path = ProxyPath(request.head.uri, under: self.prefix) else { return .refuse(self.rootRefusal) }
        guard request.head.method != .CONNECT else {
            return .refuse(Refusal(status: .notImplemented, text: "Expected another method than CONNECT\n"))
        }
        // What follows such a body cannot be told from the other protocol.
        guard !ProxyHeaders.isUpgrade(request.head.headers) || !ProxyExchange.hasBody(request.head.headers) else {
            return .refuse(Refusal(status: .badRequest, text: "Expected an upgrade without a body\n"))
        }
        // Other codings would be lost on the way (RFC 9112 §6.1).
        guard request.head.headers["Transfer-Encoding"].allSatisfy({ $0.lowercased() == "chunked" }) else {
            return .refuse(Refusal(status: .notImplemented, text: "Expected Transfer-Encoding: chunked, or none\n"))
        }
        guard !request.head.headers.contains(where: { HeaderBytes.isLossy($0.value) }) else {
            return .refuse(
                Refusal(status: .badRequest, text: "Expected header fields in UTF-8 behind a first request\n")
            )
        }
        // Clients of HTTP/1.0 may leave it out.
        let host = request.header("Host")
        if let refusal = self.refusal(ofHost: host) { return .refuse(refusal) }
        switch self.services.supervisor.open(String(path.token)) {
        case .gone: return .refuse(.gone)
        case .full:
            return .refuse(
                Refusal(
                    status: .serviceUnavailable,
                    text: "As many requests wait for this session as may\n",
                    retryAfter: 1
                )
            )
        case .ready(let route, let address): return self.checked(route, address, path, host ?? "")
        case .pending(let route): return self.checked(route, nil, path, host ?? "")
        }
    }

    private func checked(
        _ route: BackendRoute,
        _ address: SocketAddress?,
        _ path: ProxyPath,
        _ host: String
    ) -> Decision {
        if !self.serves(route, at: Authority(host).host) {
            self.services.supervisor.closed(route)
            return .refuse(
                Refusal(status: .forbidden, text: "Expected the host that the session's URL has, as connect gives it\n")
            )
        }
        return .open(route, address, path)
    }

    /// Browsers keep what pages of one host have from those of another: no backend answers under the name of another.
    private func serves(_ route: BackendRoute, at host: String) -> Bool {
        let configuration = self.services.configuration
        guard let cluster = configuration.cluster.map({ Authority($0).host }) else {
            return route.subdomain.map { host.hasPrefix($0.lowercased() + ".") } ?? true
        }
        let label = host == cluster ? nil : host.dropLast(cluster.utf8.count + 1)
        if let own = route.subdomain ?? (configuration.urlStyle == .subdomain ? route.backend.text : nil) {
            return label == own.lowercased()[...]
        }
        return label.map { !self.services.supervisor.isNameOfOther(than: route.backend, $0) } ?? true
    }

    private var rootRefusal: Refusal {
        guard let location = self.services.configuration.rootRedirect else {
            return Refusal(status: .badRequest, text: "Expected the URL of a session, as connect gives it\n")
        }
        return Refusal(status: .movedPermanently, location: location)
    }

    /// Where a cluster has a name, others are not for us.
    private func refusal(ofHost host: String?) -> Refusal? {
        guard let cluster = self.services.configuration.cluster.map({ Authority($0) }) else { return nil }
        let expected = "Expected a Host that is BACKENDS_CLUSTER, or one name below it\n"
        guard let host else { return Refusal(status: .badRequest, text: expected) }
        let asked = Authority(host)
        let isPort = (asked.port ?? 443) == (cluster.port ?? 443)
        // Itself, or one name below it.
        let isBelow = asked.host.hasSuffix("." + cluster.host)
        let isHost = asked.host == cluster.host || isBelow && !asked.host.dropLast(cluster.host.count + 1).contains(".")
        return isPort && isHost ? nil : Refusal(status: .forbidden, text: expected)
    }

    /// Who has sent a request, as backends are told.
    func peer(of request: UpgradeRequest) -> ProxyHeaders.Peer {
        ProxyHeaders.Peer(
            address: request.peerAddress?.clientIP ?? "unknown",
            isSecure: request.isSecure,
            isTrusted: request.isPeerTrusted,
            client: request.isPeerTrusted ? request.remoteAddress?.clientIP : nil
        )
    }
}
