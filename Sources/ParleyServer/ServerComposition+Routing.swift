internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyTransport

/// What the connections of a listener are given.
extension ServerComposition {
    func services(for kind: ServerConfiguration.Listener.Kind) -> ListenerServices {
        let (routes, api) = self.api(for: kind)
        return ListenerServices(
            hub: self.hub,
            state: self.state,
            limits: self.limits,
            failures: self.failures,
            ledger: self.ledger,
            routes: routes,
            http: HTTPAPI(api: api),
            headerTimeout: TimeAmount(self.configuration.headerTimeout),
            bodyTimeout: TimeAmount(self.configuration.frameTimeout),
            maximumHeaderBytes: kind == .backendsAPI || kind == .backendsProxy
                ? RequestHeadScanner.proxyMaximumHeaderBytes : RequestHeadScanner.usualMaximumHeaderBytes,
            trustedProxies: self.configuration.trustedProxies,
            logger: self.logger
        )
    }
}
