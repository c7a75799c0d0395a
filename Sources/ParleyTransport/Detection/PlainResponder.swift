package import NIOCore
package import NIOHTTP1
package import ParleyModel

/// A request that is no handshake, no exchange, and for nobody else: it is for the HTTP API of its listener.
package struct PlainRequest: Sendable {
    package let head: HTTPRequestHead
    /// The whole of it.
    package let body: ByteBuffer
    /// Whether it came over TLS.
    package let isSecure: Bool
    /// Where the client is; `nil` when nobody knows.
    package let client: SocketAddress?
    /// Decided already: the answer is this, in the form that clients of the route know.
    package let refusal: Refusal?
}

/// What answers the plain requests of a listener: a router with its routes, or something smaller.
package protocol PlainResponder: Sendable {
    /// Called in a task of the request, which is cancelled when the client is gone. Never fails: what goes wrong becomes an answer.
    func respond(to request: PlainRequest, on channel: any Channel) async -> PlainResponse
}

/// An answer, and how it gets to the client.
package struct PlainResponse: Sendable {
    package let status: HTTPResponseStatus
    /// Writes head and body. When it throws, the connection is closed, so that nobody takes the answer for a whole one.
    package let write: @Sendable (ResponseSink) async throws -> Void

    /// An answer whose bytes are known.
    /// - Parameter headers: Without `Content-Length`.
    package init(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: ByteBuffer) {
        self.init(status: status) { sink in
            var head = HTTPResponseHead(version: sink.version, status: status, headers: headers)
            if status != .noContent {
                head.headers.replaceOrAdd(name: "Content-Length", value: "\(body.readableBytes)")
            }
            sink.write(head, whole: body)
        }
    }

    package init(status: HTTPResponseStatus, write: @escaping @Sendable (ResponseSink) async throws -> Void) {
        self.status = status
        self.write = write
    }
}
