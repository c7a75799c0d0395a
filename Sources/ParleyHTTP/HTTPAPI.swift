internal import HTTPTypes
internal import Hummingbird
package import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1
internal import ParleyModel
package import ParleyTransport
internal import Synchronization

/// Has a listener's plain requests answered in the types of the router's library.
package struct HTTPAPI: PlainResponder {
    package let api: any HTTPAnswering

    package init(
        api: any HTTPAnswering
    ) {
        self.api = api
    }

    package func respond(to request: PlainRequest, on channel: any Channel) async -> PlainResponse {
        guard let head = try? HTTPRequest(request.head, secure: request.isSecure, splitCookie: false) else {
            return PlainResponse(Response(.badRequest))
        }
        let response = await self.api.respond(
            to: Request(head: head, body: RequestBody(buffer: request.body)),
            from: request.client,
            on: channel,
            refusing: request.refusal
        )
        return PlainResponse(response)
    }
}

extension PlainResponse {
    init(_ response: Response) {
        let status = HTTPResponseStatus(
            statusCode: response.status.code,
            reasonPhrase: response.status.reasonPhrase
        )
        self.init(status: status) { sink in
            var head = HTTPResponseHead(version: sink.version, status: status)
            for field in response.headers { head.headers.add(name: field.name.rawName, value: field.value) }
            // An answer to HEAD names the length that GET would have (RFC 9110 §8.6), and has no body.
            if let length = response.body.contentLength, response.status != .noContent,
                !head.headers.contains(name: "Content-Length")
            {
                head.headers.replaceOrAdd(name: "Content-Length", value: "\(length)")
            }
            if let length = response.body.contentLength, length <= Self.maximumWholeBytes {
                return sink.write(head, whole: try await Self.collect(response.body))
            }
            try await sink.write(.head(head))
            try await response.body.write(BodyWriter(sink: sink))
        }
    }

    /// Responses up to here go to the connection in one piece.
    private static let maximumWholeBytes = 64 * 1024

    private static func collect(_ body: ResponseBody) async throws -> ByteBuffer {
        let collector = BodyCollector()
        try await body.write(CollectingWriter(collector: collector))
        return collector.bytes.withLock { $0 }
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
