internal import NIOCore
internal import ParleyHub

/// What the proxied requests and tunnels of one event loop share.
struct ProxyResources {
    let eventLoop: any EventLoop
    let routes: any ProxyRoutes
    let pool: UpstreamPool
    /// What waits in the proxy counts with all that waits in the process.
    let ledger: MemoryLedger
    let resumeBudget: ResumeBudget
}

@available(*, unavailable)
extension ProxyResources: Sendable {}
