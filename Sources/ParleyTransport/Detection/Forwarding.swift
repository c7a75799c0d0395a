package import NIOCore
package import NIOHTTP1

/// Where requests go on to somebody else, whatever they are.
package protocol ForwardingEndpoint: Sendable {
    /// Whether a request is for another protocol, so that what follows it is no request.
    func isUpgrade(_ head: HTTPRequestHead) -> Bool

    /// - Parameter downstream: The client's connection.
    /// - Returns: `nil` where no way leads on from that event loop.
    func exchange(
        for request: UpgradeRequest,
        on eventLoop: any EventLoop,
        downstream: any ProxyDownstream
    ) -> (any ForwardedExchange)?
}

/// One request on its way to somebody else, told of what its client does. On the event loop of the client's connection.
package protocol ForwardedExchange: AnyObject {
    /// The head is here.
    func begin()
    /// A piece of the body is here.
    func received(_ piece: ByteBuffer)
    /// The request is complete.
    func ended()
    /// The client is gone.
    func aborted()
    func writabilityChanged(_ isWritable: Bool)
}

/// What a proxied exchange does with its client's connection. All of it on the event loop of both.
package protocol ProxyDownstream: AnyObject {
    var isWritable: Bool { get }
    func setReading(_ isReading: Bool)
    func write(_ bytes: ByteBuffer)
    func flush()
    /// What is written now is the backend's answer: nothing else may be said any more.
    func responseBegan()
    /// The answer that follows is no backend's.
    func refused(_ status: HTTPResponseStatus)
    /// The response is complete.
    func finish(keepsAlive: Bool)
    /// The response broke off: the client must not take it for a whole one.
    func abort()
    /// HTTP is over on both connections: bytes go to and fro from here.
    func tunnel(to upstream: any Channel, through handlers: TunnelHandlers)
}

/// What takes the place of HTTP on the two connections.
package struct TunnelHandlers {
    package let client: any ChannelHandler
    package let backend: any ChannelHandler
    /// Takes the handlers of HTTP out of the backend's connection; what came behind the response is passed on.
    /// - Returns: When that has happened; `nil`: there are none.
    package let removeHTTP: (any Channel) -> EventLoopFuture<Void>?
    /// Called when both are in place, and may write.
    package var onStart: () -> Void = {}
    /// Called instead of anything else when the client is gone by then.
    package let onFailure: () -> Void

    package init(
        client: any ChannelHandler,
        backend: any ChannelHandler,
        removeHTTP: @escaping (any Channel) -> EventLoopFuture<Void>?,
        onStart: @escaping () -> Void = {},
        onFailure: @escaping () -> Void
    ) {
        self.client = client
        self.backend = backend
        self.removeHTTP = removeHTTP
        self.onStart = onStart
        self.onFailure = onFailure
    }
}
