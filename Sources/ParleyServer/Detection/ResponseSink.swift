internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// Carries a response from the task that made it to the connection, part by part, each written before the next is asked for.
struct ResponseSink: Sendable {
    let handler: NIOLoopBound<FrontDoorHandler>
    let eventLoop: any EventLoop
    let version: HTTPVersion

    func send(_ response: Response) async {
        var head = HTTPResponseHead(
            version: self.version,
            status: .init(statusCode: response.status.code, reasonPhrase: response.status.reasonPhrase)
        )
        for field in response.headers { head.headers.add(name: field.name.rawName, value: field.value) }
        // An answer to HEAD names the length that GET would have (RFC 9110 §8.6), and has no body.
        if let length = response.body.contentLength, response.status != .noContent,
            !head.headers.contains(name: "Content-Length")
        {
            head.headers.replaceOrAdd(name: "Content-Length", value: "\(length)")
        }
        do {
            if let length = response.body.contentLength, length <= Self.maximumWholeBytes {
                return try await self.sendWhole(head, response.body)
            }
            try await self.write(.head(head))
            try await response.body.write(BodyWriter(sink: self))
        } catch {
            self.eventLoop.execute { self.handler.value.abort() }
        }
    }

    /// Responses up to here go to the connection in one piece.
    private static let maximumWholeBytes = 64 * 1024

    /// One way to the event loop instead of one for each part.
    private func sendWhole(_ head: HTTPResponseHead, _ body: ResponseBody) async throws {
        let collector = BodyCollector()
        try await body.write(CollectingWriter(collector: collector))
        let bytes = collector.bytes.withLock { $0 }
        self.eventLoop.execute {
            _ = self.handler.value.write(.head(head))
            if bytes.readableBytes > 0 { self.handler.value.writeUnflushed(bytes) }
            _ = self.handler.value.write(.end(nil))
        }
    }

    private final class BodyCollector: Sendable {
        let bytes = Mutex(ByteBuffer())
    }

    private struct CollectingWriter: ResponseBodyWriter {
        let collector: BodyCollector

        mutating func write(_ buffer: ByteBuffer) async throws {
            _ = self.collector.bytes.withLock { $0.writeImmutableBuffer(buffer) }
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }

    func write(_ part: HTTPServerResponsePart) async throws {
        let written = self.eventLoop.flatSubmit {
            self.handler.value.write(part) ?? self.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        try await written.get()
    }

    private struct BodyWriter: ResponseBodyWriter {
        let sink: ResponseSink

        mutating func write(_ buffer: ByteBuffer) async throws {
            try await self.sink.write(.body(.byteBuffer(buffer)))
        }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
            try await self.sink.write(.end(nil))
        }
    }
}
