import HTTPTypes
import Hummingbird
import NIOCore
import NIOEmbedded
import ParleyModel
import Synchronization

@testable import ParleyServer
@testable import ParleyTransport

/// A response with its whole body.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: String

    init(_ response: Response) async throws {
        let collected = CollectedBytes()
        try await response.body.write(CollectingWriter(collected: collected))
        self.status = response.status.code
        self.headers = response.headers
        self.body = String(buffer: collected.all)
    }

    /// What `api` says to a request of `http://api.test`.
    static func of(
        _ api: any HTTPAnswering,
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: String = "",
        scheme: String = "http",
        headers: HTTPFields = [:],
        refusing refusal: Refusal? = nil
    ) async throws -> Answer {
        let channel = NIOAsyncTestingChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: TestGateway.clientIP, port: 40_000)
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
    var line: String { "\(self.status) \(self.body)" }

    /// A member of the object in the member `data`.
    func data(_ name: String) -> String? {
        JSONFields(ByteBuffer(string: self.body))?.json("data").flatMap { JSONFields($0) }?.string(name)
    }
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
