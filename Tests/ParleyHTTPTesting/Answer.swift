package import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import NIOEmbedded
package import ParleyHTTP
package import ParleyModel
internal import Synchronization

/// A response with its whole body.
package struct Answer: Sendable {
    package let status: Int
    package let headers: HTTPFields
    package let body: String

    package init(_ response: Response) async throws {
        let collected = CollectedBytes()
        try await response.body.write(CollectingWriter(collected: collected))
        self.status = response.status.code
        self.headers = response.headers
        self.body = String(buffer: collected.all)
    }

    /// Where those who ask are.
    package static let clientIP = "192.0.2.7"

    /// What `api` says to a request of `http://api.test`.
    package static func of(
        _ api: any HTTPAnswering,
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String = "",
        scheme: String = "http",
        headers: HTTPFields = [:],
        refusing refusal: Refusal? = nil
    ) async throws -> Answer {
        let channel = NIOAsyncTestingChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: Self.clientIP, port: 40_000)
        let head = HTTPRequest(
            method: method,
            scheme: scheme,
            authority: "api.test",
            path: path,
            headerFields: headers
        )
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body)))
        let response = await api.respond(to: request, from: channel.remoteAddress, on: channel, refusing: refusal)
        _ = try await channel.finish()
        return try await Answer(response)
    }

    /// Status and body, for comparing both at once.
    package var line: String { "\(self.status) \(self.body)" }
}

private final class CollectedBytes: Sendable {
    private let bytes = Mutex(ByteBuffer())

    var all: ByteBuffer { self.bytes.withLock { $0 } }

    func append(_ more: ByteBuffer) {
        self.bytes.withLock { _ = $0.writeImmutableBuffer(more) }
    }
}

private struct CollectingWriter: ResponseBodyWriter {
    let collected: CollectedBytes

    mutating func write(_ buffer: ByteBuffer) async throws { self.collected.append(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
