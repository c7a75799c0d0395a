package import NIOCore
package import NIOHTTP1

/// Carries an answer from the task that made it to the connection, part by part, each written before the next is asked for.
package struct ResponseSink: Sendable {
    let handler: NIOLoopBound<FrontDoorHandler>
    package let eventLoop: any EventLoop
    package let version: HTTPVersion

    func send(_ response: PlainResponse) async {
        do {
            try await response.write(self)
        } catch {
            self.eventLoop.execute { self.handler.value.abort() }
        }
    }

    /// One way to the event loop instead of one for each part.
    package func write(_ head: HTTPResponseHead, whole body: ByteBuffer) {
        self.eventLoop.execute {
            _ = self.handler.value.write(.head(head))
            if body.readableBytes > 0 { self.handler.value.writeUnflushed(body) }
            _ = self.handler.value.write(.end(nil))
        }
    }

    package func write(_ part: HTTPServerResponsePart) async throws {
        let written = self.eventLoop.flatSubmit {
            self.handler.value.write(part) ?? self.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        try await written.get()
    }
}
