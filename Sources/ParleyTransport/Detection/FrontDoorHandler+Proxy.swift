internal import NIOCore
internal import NIOHTTP1

/// What a proxied exchange does here.
extension FrontDoorHandler: ProxyDownstream {
    func openProxy(_ context: ChannelHandlerContext) {
        guard case .routed(let request, .proxy(let endpoint)) = self.party,
            let exchange = endpoint.exchange(for: request, on: context.eventLoop, downstream: self)
        else { return }
        // Responses of backends are written as they are.
        self.removeEncoder(context)
        self.party = .proxy(exchange, request)
        exchange.begin()
    }

    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    func setReading(_ isReading: Bool) {
        self.machine.proxyPaused(!isReading)
        if isReading { self.drive() }
    }

    func write(_ bytes: ByteBuffer) {
        self.lastWrite = nil
        self.context?.write(NIOAny(bytes), promise: nil)
    }

    func flush() { self.context?.flush() }

    func responseBegan() { self.machine.responseBegan() }

    /// Its path has a token in it.
    func refused(_ status: HTTPResponseStatus) {
        self.services.failures.count(status: Int(status.code), from: self.client())
    }

    func finish(keepsAlive: Bool) {
        self.party = .nobody
        self.machine.proxyEnded(keepsAlive: keepsAlive, at: self.moment)
        self.drive()
    }

    func tunnel(to upstream: any Channel, through handlers: TunnelHandlers) {
        let isInputClosed = self.machine.isInputClosed
        self.party = .nobody
        self.machine.left()
        guard let context = self.context else {
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        // A tunnel ends as a whole.
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: ConnectionReads.ofStreams)
        if isInputClosed {
            handlers.onFailure()
            context.close(promise: nil)
            return upstream.close(promise: nil)
        }
        do {
            try context.pipeline.syncOperations.addHandler(handlers.client)
        } catch {
            // The client is gone already.
            handlers.onFailure()
            return upstream.close(promise: nil)
        }
        do {
            try upstream.pipeline.syncOperations.addHandler(handlers.backend)
        } catch {
            return context.close(promise: nil)
        }
        // Revoked, or ended, in this very moment.
        if !upstream.isActive { context.close(promise: nil) }
        // What came behind the heads is passed on when the decoders go, outside of any read.
        let client = context.channel
        handlers.removeHTTP(upstream)?.assumeIsolated().whenComplete { _ in
            client.flush()
            handlers.onStart()
        }
        self.removeHTTP(context).whenComplete { _ in upstream.flush() }
        if self.machine.isReadHeld { client.read() }
    }
}
