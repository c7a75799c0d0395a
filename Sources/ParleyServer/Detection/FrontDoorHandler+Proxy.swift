internal import NIOCore
internal import NIOHTTP1
internal import ParleyBackends

/// What a proxied exchange does here.
extension FrontDoorHandler: ProxyDownstream {
    func proxy(_ request: UpgradeRequest, _ endpoint: ProxyEndpoint) {
        guard let context = self.context, let pool = endpoint.pool(on: context.eventLoop) else { return }
        // Responses of backends are written as they are.
        self.removeEncoder(context)
        self.isProxyPaused = false
        let exchange = ProxyExchange(request, endpoint, pool: pool, eventLoop: context.eventLoop, downstream: self)
        self.phase = .proxying(exchange, isRequestComplete: false)
        self.deadline = nil
        exchange.begin()
    }

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    func setReading(_ isReading: Bool) {
        guard self.isProxyPaused == isReading else { return }
        self.isProxyPaused = !isReading
        guard isReading else { return }
        self.pump()
    }

    func write(_ bytes: ByteBuffer) { self.context?.write(NIOAny(bytes), promise: nil) }
    func flush() { self.context?.flush() }

    /// Its path has a token in it.
    func refused(_ status: HTTPResponseStatus) {
        self.services.failures.count(status: Int(status.code), from: self.peer())
    }

    func finish(keepsAlive: Bool) {
        guard let context = self.context, case .proxying = self.phase else { return }
        self.isProxyPaused = false
        if keepsAlive, !self.queue.isOnlyTheEnd, !self.services.state.isDraining {
            self.phase = .awaitingHead
            self.headGuard.expectHead()
            self.startTimeout(self.services.headerTimeout)
            self.pump()
        } else {
            self.close(after: context.writeAndFlush(NIOAny(ByteBuffer())))
        }
    }

    func tunnel(to upstream: any Channel, through handlers: TunnelHandlers) {
        guard let context = self.context else {
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        self.deadline = nil
        self.phase = .closing
        // A tunnel ends as a whole.
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: ConnectionSetup.streamReads)
        if self.queue.isOnlyTheEnd {
            handlers.onFailure()
            context.close(promise: nil)
            return upstream.close(promise: nil)
        }
        let pipeline = upstream.pipeline.syncOperations
        do {
            try context.pipeline.syncOperations.addHandler(handlers.client)
        } catch {
            // The client is gone already.
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        do {
            try pipeline.addHandler(handlers.backend)
        } catch {
            return context.close(promise: nil)
        }
        // Revoked, or ended, in this very moment.
        if !upstream.isActive { context.close(promise: nil) }
        // What came behind the heads is passed on when the decoders go, outside of any read.
        let client = context.channel
        UpstreamPool.removeHTTP(from: pipeline)?.assumeIsolated().whenComplete { _ in
            client.flush()
            handlers.onStart()
        }
        self.removeHTTP(context).whenComplete { _ in upstream.flush() }
        if self.isReadHeld { client.read() }
    }
}
