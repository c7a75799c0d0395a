package import NIOCore
internal import NIOHTTP1
package import NIOSSL

/// The pipeline of a new connection: HTTP until the first request says otherwise.
package enum ConnectionSetup {
    package static func addHandlers(to channel: any Channel, services: ListenerServices, tls: NIOSSLContext?) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
        let headGuard = RequestHeadGuard(maximumHeaderBytes: services.maximumHeaderBytes)
        let decoder = Self.makeDecoder(maximumHeaderBytes: services.maximumHeaderBytes)
        try pipeline.addHandlers(
            headGuard,
            decoder,
            FrontDoorHandler(
                services: services,
                headGuard: headGuard,
                decoder: decoder,
                isSecure: tls != nil,
                now: channel.eventLoop.now
            )
        )
    }

    static func makeDecoder(maximumHeaderBytes: Int) -> ByteToMessageHandler<HTTPRequestDecoder> {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = maximumHeaderBytes
        limits.maxHeaderListSize = maximumHeaderBytes + RequestHeadScanner.maximumRequestLineBytes
        limits.maxHeaderFieldCount = RequestHeadScanner.maximumHeaderFields
        return ByteToMessageHandler(
            HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes,
                informationalResponseStrategy: .drop,
                limitConfiguration: limits
            )
        )
    }
}
