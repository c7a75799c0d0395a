internal import NIOCore
internal import NIOHTTP1

/// What a proxied exchange does with its client's connection. All of it on the event loop of both.
protocol ProxyDownstream: AnyObject {
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
struct TunnelHandlers {
    let client: any ChannelHandler
    let backend: any ChannelHandler
    /// Called when both are in place, and may write.
    var onStart: () -> Void = {}
    /// Called instead of anything else when the client is gone by then.
    let onFailure: () -> Void
}
