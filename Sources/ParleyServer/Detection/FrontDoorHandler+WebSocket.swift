internal import NIOCore
internal import NIOHTTP1
internal import ParleyHub
internal import ParleyModel
internal import WebSocketProtocol

/// Handshakes: who may speak WebSocket, and how HTTP ends on the connection.
extension FrontDoorHandler {
    func resolve(_ admission: Admission) {
        guard case .upgrading(var upgrade) = self.phase else { return }
        switch admission {
        case .refuse(let refusal):
            self.refuse(refusal)
        case .accept:
            upgrade.admission = admission
            self.phase = .upgrading(upgrade)
            self.finishUpgradeIfReady()
        case .pending(let later):
            later.assumeIsolated().whenComplete { result in
                self.resolve((try? result.get()) ?? .refuse(.internalError))
            }
        }
    }

    /// Ends HTTP on this connection, once the whole request is in and somebody has said yes.
    func finishUpgradeIfReady() {
        guard case .upgrading(let upgrade) = self.phase, upgrade.isRequestComplete, let context = self.context,
            case .accept(let acceptance) = upgrade.admission, let key = upgrade.request.header("Sec-WebSocket-Key")
        else { return }
        // Asked again: the goodbye may have been said while somebody thought about the admission.
        if self.services.state.isDraining { return self.refuse(.shuttingDown) }
        let permit: ConnectionPermit
        switch self.services.limits.acquire(address: upgrade.request.remoteAddress) {
        case .success(let acquired): permit = acquired
        case .failure(let refusal): return self.refuse(refusal)
        }
        let compression = upgrade.endpoint.compression.flatMap {
            PerMessageDeflate.negotiate(offers: upgrade.request.head.headers["Sec-WebSocket-Extensions"], policy: $0)
        }
        self.phase = .closing
        try? context.channel.syncOptions?.setOption(.recvAllocator, value: ConnectionSetup.streamReads)
        let pipeline = context.pipeline.syncOperations
        let extensions = compression?.responseHeader
        if let eventLoop = acceptance.eventLoop, eventLoop !== context.eventLoop {
            let mover = ConnectionMover(channel: context.channel, isSecure: self.isSecure, to: eventLoop) {
                [hub = self.services.hub, client = upgrade.request.remoteAddress] in
                let shard = hub.shard(on: eventLoop)
                return acceptance.makeHandler(
                    HandshakeEnvironment(
                        hub: hub,
                        shard: shard,
                        compression: compression?.0,
                        permit: permit,
                        client: client,
                        // What arrives there is in the clear.
                        isSecure: false
                    )
                )
            }
            do {
                try pipeline.addHandler(mover)
            } catch {
                permit.release()
                context.close(promise: nil)
                return
            }
            self.removeHTTP(context).whenComplete { _ in mover.move(answering: key, extensions: extensions) }
            return
        }
        let handler = acceptance.makeHandler(
            HandshakeEnvironment(
                hub: self.services.hub,
                shard: self.services.hub.shard(on: context.eventLoop),
                compression: compression?.0,
                permit: permit,
                client: upgrade.request.remoteAddress,
                isSecure: self.isSecure
            )
        )
        do {
            try pipeline.addHandler(handler)
        } catch {
            // A channel that is closed already: nobody will tell the handler so.
            handler.abandon()
            context.close(promise: nil)
            return
        }
        // What is said before the hub knows the connection goes through the pipeline, and is no part of a response.
        self.removeEncoder(context)
        // The answer goes the way of the frames: in order with them, and with the first of them in one packet.
        handler.start(answering: key, extensions: extensions)
        _ = self.removeHTTP(context)
        // Our own way to the channel is gone by now.
        if self.isReadHeld { context.channel.read() }
    }

    /// Takes the handlers of HTTP out of the pipeline.
    func removeHTTP(_ context: ChannelHandlerContext) -> EventLoopFuture<Void>.Isolated {
        let pipeline = context.pipeline.syncOperations
        self.removeEncoder(context)
        pipeline.removeHandler(self).whenFailure { _ in }
        pipeline.removeHandler(self.headGuard).whenFailure { _ in }
        // Last: what came behind the handshake is passed on when the decoder goes.
        return pipeline.removeHandler(self.decoder).assumeIsolated()
    }
}
