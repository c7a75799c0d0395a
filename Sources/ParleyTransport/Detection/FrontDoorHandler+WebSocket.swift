internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// Handshakes: who may speak WebSocket, and how HTTP ends on the connection.
extension FrontDoorHandler {
    func askForAdmission(_ context: ChannelHandlerContext) {
        guard case .routed(let request, let route) = self.party, let endpoint = route.webSocket(for: request) else {
            return
        }
        self.party = .handshake(request, endpoint, nil)
        self.resolve(endpoint.admit(request, on: context.eventLoop))
    }

    private func resolve(_ admission: Admission) {
        guard case .handshake(let request, let endpoint, nil) = self.party else { return }
        switch admission {
        case .refuse(let refusal):
            self.machine.failed(refusal)
        case .accept(let acceptance):
            self.party = .handshake(request, endpoint, acceptance)
            self.machine.admitted(at: self.moment)
        case .pending(let later):
            later.assumeIsolated().whenComplete { result in
                self.resolve((try? result.get()) ?? .refuse(.internalError))
                self.drive()
            }
        }
    }

    /// Ends HTTP on this connection.
    func upgrade(_ context: ChannelHandlerContext) {
        guard case .handshake(let request, let endpoint, let acceptance?) = self.party,
            let key = request.header("Sec-WebSocket-Key")
        else { return }
        let permit: ConnectionPermit
        switch self.services.limits.acquire(ip: request.remoteIP) {
        case .success(let acquired): permit = acquired
        case .failure(let refusal): return self.machine.failed(refusal)
        }
        self.party = .nobody
        self.machine.left()
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: ConnectionReads.ofStreams)
        let compression = endpoint.compression.flatMap {
            PerMessageDeflate.negotiate(offers: request.head.headers["Sec-WebSocket-Extensions"], policy: $0)
        }
        let handshake = Handshake(
            key: key,
            extensions: compression?.responseHeader,
            permit: permit,
            client: request.remoteAddress
        )
        if let eventLoop = acceptance.eventLoop, eventLoop !== context.eventLoop {
            self.move(to: eventLoop, acceptance, compression?.0, handshake, context)
        } else {
            self.start(acceptance, compression?.0, handshake, context)
        }
    }

    /// What a handshake came to.
    private struct Handshake {
        let key: String
        let extensions: String?
        let permit: ConnectionPermit
        /// `nil` when nobody knows.
        let client: SocketAddress?
    }

    private func move(
        to eventLoop: any EventLoop,
        _ acceptance: any WebSocketAcceptance,
        _ compression: PerMessageDeflate?,
        _ handshake: Handshake,
        _ context: ChannelHandlerContext
    ) {
        let (permit, client) = (handshake.permit, handshake.client)
        let mover = ConnectionMover(channel: context.channel, isSecure: self.isSecure, to: eventLoop) {
            [hub = self.services.hub] in
            let shard = hub.shard(on: eventLoop)
            return acceptance.makeHandler(
                HandshakeEnvironment(
                    hub: hub,
                    shard: shard,
                    compression: compression,
                    permit: permit,
                    client: client,
                    // What arrives there is in the clear.
                    isSecure: false
                )
            )
        }
        do {
            try context.pipeline.syncOperations.addHandler(mover)
        } catch {
            permit.release()
            context.close(promise: nil)
            return
        }
        self.removeHTTP(context).whenComplete { _ in
            mover.move(answering: handshake.key, extensions: handshake.extensions)
        }
    }

    private func start(
        _ acceptance: any WebSocketAcceptance,
        _ compression: PerMessageDeflate?,
        _ handshake: Handshake,
        _ context: ChannelHandlerContext
    ) {
        let handler = acceptance.makeHandler(
            HandshakeEnvironment(
                hub: self.services.hub,
                shard: self.services.hub.shard(on: context.eventLoop),
                compression: compression,
                permit: handshake.permit,
                client: handshake.client,
                isSecure: self.isSecure
            )
        )
        do {
            try context.pipeline.syncOperations.addHandler(handler)
        } catch {
            // A channel that is closed already: nobody will tell the handler so.
            handler.abandon()
            context.close(promise: nil)
            return
        }
        // What is said before the hub knows the connection goes through the pipeline, and is no part of a response.
        self.removeEncoder(context)
        // The answer goes the way of the frames: in order with them, and with the first of them in one packet.
        handler.start(answering: handshake.key, extensions: handshake.extensions)
        _ = self.removeHTTP(context)
        // Our own way to the channel is gone by now.
        if self.machine.isReadHeld { context.channel.read() }
    }

    /// Takes the handlers of HTTP out of the pipeline.
    func removeHTTP(_ context: ChannelHandlerContext) -> EventLoopFuture<Void>.Isolated {
        let pipeline = context.pipeline.syncOperations
        self.removeEncoder(context)
        pipeline.removeHandler(self, promise: nil)
        pipeline.removeHandler(self.headGuard, promise: nil)
        // Last: what came behind the handshake is passed on when the decoder goes.
        return pipeline.removeHandler(self.decoder).assumeIsolated()
    }
}
