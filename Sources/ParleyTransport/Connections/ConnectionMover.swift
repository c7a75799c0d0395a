internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// Takes a connection from the event loop that accepted it to another one, where a session lives that it belongs to.
///
/// A plain socket is handed over as a duplicate of its descriptor: the connection lives on when the channel here closes. With
/// TLS the channel stays here, and what it decrypts goes through a pair of local sockets. Either way everything there is as if
/// the connection had been accepted there, direct writes included. Added to the pipeline before HTTP leaves it, so that it
/// catches what came behind the handshake.
final class ConnectionMover: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let channel: any Channel
    private let isSecure: Bool
    private let target: any EventLoop
    private let makeHandler: @Sendable () -> WebSocketHandler
    private var early = ByteBuffer()

    /// - Parameter makeHandler: Called on `target`, once.
    init(
        channel: any Channel,
        isSecure: Bool,
        to target: any EventLoop,
        makeHandler: @escaping @Sendable () -> WebSocketHandler
    ) {
        self.channel = channel
        self.isSecure = isSecure
        self.target = target
        self.makeHandler = makeHandler
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.early.writeImmutableBuffer(self.unwrapInboundIn(data))
    }

    func move(answering key: String, extensions: String?) {
        guard let descriptor = self.isSecure ? self.splice() : self.duplicate() else {
            self.channel.close(promise: nil)
            // A handler of its own gives back what the handshake took.
            let makeHandler = self.makeHandler
            self.target.execute { makeHandler().abandon() }
            return
        }
        let (target, makeHandler, early) = (self.target, self.makeHandler, self.early)
        target.execute {
            let handler = makeHandler()
            let bound = NIOLoopBound(handler, eventLoop: target)
            ClientBootstrap(group: target)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelOption(.maxMessagesPerRead, value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(bound.value)
                    }
                }
                .withConnectedSocket(descriptor)
                .hop(to: target)
                .assumeIsolated()
                .whenComplete { result in
                    switch result {
                    case .success:
                        handler.start(answering: key, extensions: extensions)
                        if early.readableBytes > 0 { handler.receive(early) }
                    case .failure:
                        // NIO has closed the descriptor.
                        handler.abandon()
                    }
                }
        }
    }

    /// The socket under another number; the channel here is closed.
    private func duplicate() -> NIOBSDSocket.Handle? {
        let handle = try? self.channel.pipeline.syncOperations
            .withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                fcntl(handle, F_DUPFD_CLOEXEC, 0)
            }
        guard let handle, handle >= 0 else { return nil }
        self.channel.close(promise: nil)
        return handle
    }

    /// One end of a pair whose other end is joined to the channel here.
    private func splice() -> NIOBSDSocket.Handle? {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { return nil }
        let (here, there) = SpliceHandler.pair()
        let eventLoop = self.channel.eventLoop
        let bound = NIOLoopBound(there, eventLoop: eventLoop)
        let pipeline = self.channel.pipeline.syncOperations
        pipeline.removeHandler(self).whenFailure { _ in }
        do {
            try pipeline.addHandler(here)
        } catch {
            _ = Self.closeDescriptor(ends[0])
            _ = Self.closeDescriptor(ends[1])
            return nil
        }
        let channel = self.channel
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .withConnectedSocket(ends[0])
            .whenFailure { _ in channel.close(promise: nil) }
        return ends[1]
    }

    private static func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
}

@available(*, unavailable)
extension ConnectionMover: Sendable {}
