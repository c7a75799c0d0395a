package import NIOCore
package import NIOHTTP1
internal import ParleyBackends
internal import ParleyHub
internal import ParleyModel
package import ParleyTransport

/// Where requests go on to session backends: a port of its own, or a path of a shared one.
package struct ProxyEndpoint: ForwardingEndpoint {
    let services: BackendsServices
    /// What stands before tokens; without a slash at its end.
    let prefix: String
    private let readyPath: String
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    init(_ services: BackendsServices, prefix: String, pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]) {
        self.services = services
        self.prefix = prefix
        self.readyPath = prefix + "/ready"
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

    package func isUpgrade(_ head: HTTPRequestHead) -> Bool { ProxyHeaders.isUpgrade(head.headers) }

    /// On `eventLoop` only.
    package func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        downstream: any ProxyDownstream
    ) -> (any ForwardedExchange)? {
        guard let pool = self.pools[ObjectIdentifier(eventLoop)]?.value else { return nil }
        return ProxyExchange(
            request,
            self.decide(request),
            self.resources(pool, on: eventLoop),
            downstream: downstream
        )
    }

    /// For the exchanges of one event loop, whose pool is given.
    private func resources(_ pool: UpstreamPool, on eventLoop: any EventLoop) -> ProxyResources {
        ProxyResources(
            eventLoop: eventLoop,
            routes: self.services.supervisor,
            pool: pool,
            ledger: self.services.ledger,
            resumeBudget: self.services.resumeBudget
        )
    }

    enum Decision {
        case refuse(ProxyRefusal)
        case open(BackendRoute, SocketAddress?, ProxyPath)
    }

    /// Looks at the head of a request, and opens the way to its backend.
    func decide(_ request: UpgradeRequest) -> Decision {
        if request.path.hasSameBytes(as: self.readyPath) {
            return .refuse(self.services.isShuttingDown ? .notReady : .ready)
        }
        guard let path = ProxyPath(request.head.uri, under: self.prefix) else { return .refuse(self.rootRefusal) }
        if let refusal = Self.refusal(of: request.head) { return .refuse(refusal) }
        // Clients of HTTP/1.0 may leave it out.
        let host = request.header("Host")
        if let refusal = self.refusal(ofHost: host) { return .refuse(refusal) }
        switch self.services.supervisor.open(String(path.token)) {
        case .gone: return .refuse(.gone)
        case .full: return .refuse(.tooManyWait)
        case .ready(let route, let address): return self.checked(route, address, path, host ?? "")
        case .pending(let route): return self.checked(route, nil, path, host ?? "")
        }
    }

    /// What cannot be put to any backend.
    static func refusal(of head: HTTPRequestHead) -> ProxyRefusal? {
        if head.method == .CONNECT { return .connect }
        // What follows such a body cannot be told from the other protocol.
        if ProxyHeaders.isUpgrade(head.headers), ProxyExchangeMachine.hasBody(head.headers) { return .bodyOfUpgrade }
        // Other codings would be lost on the way (RFC 9112 §6.1).
        if head.headers["Transfer-Encoding"].contains(where: { $0.lowercased() != "chunked" }) { return .otherCoding }
        return head.headers.contains { HeaderBytes.isLossy($0.value) } ? .lossyFields : nil
    }

    private func checked(
        _ route: BackendRoute,
        _ address: SocketAddress?,
        _ path: ProxyPath,
        _ host: String
    ) -> Decision {
        if !self.serves(route, at: host) {
            self.services.supervisor.closed(route)
            return .refuse(.otherHost)
        }
        return .open(route, address, path)
    }

    /// Browsers keep what pages of one host have from those of another: no backend answers under the name of another.
    private func serves(_ route: BackendRoute, at authority: String) -> Bool {
        guard let cluster = self.services.cluster?.host else {
            return route.subdomain.map { Authority(authority).host.hasPrefix($0.lowercased() + ".") } ?? true
        }
        let host = Authority(authority).host
        let label = host == cluster ? nil : host.dropLast(cluster.utf8.count + 1)
        if let own = route.subdomain ?? (self.services.configuration.urlStyle == .subdomain ? route.backend.text : nil)
        {
            return label == own.lowercased()[...]
        }
        return label.map { !self.services.supervisor.isNameOfOther(than: route.backend, $0) } ?? true
    }

    private var rootRefusal: ProxyRefusal {
        self.services.configuration.rootRedirect.map { .redirect(to: $0) } ?? .noToken
    }

    /// Where a cluster has a name, others are not for us.
    private func refusal(ofHost host: String?) -> ProxyRefusal? {
        guard let cluster = self.services.cluster else { return nil }
        guard let host else { return .noHost }
        let asked = Authority(host)
        let isPort = (asked.port ?? 443) == (cluster.port ?? 443)
        // Itself, or one name below it.
        let isBelow = asked.host.hasSuffix("." + cluster.host)
        let isHost = asked.host == cluster.host || isBelow && !asked.host.dropLast(cluster.host.count + 1).contains(".")
        return isPort && isHost ? nil : .otherCluster
    }
}
