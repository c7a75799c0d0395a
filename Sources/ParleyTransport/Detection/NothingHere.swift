package import NIOCore
internal import NIOHTTP1
package import ParleyModel

/// The HTTP API of a listener that has none.
package struct NothingHere: PlainResponder {
    package init() {}

    package func respond(to request: PlainRequest, on channel: any Channel) async -> PlainResponse {
        if let refusal = request.refusal { return PlainResponse(refusal) }
        if request.head.method == .OPTIONS, request.head.uri == "*" {
            // A question about the server as a whole (RFC 9110 §9.3.7).
            return PlainResponse(.noContent, ["Allow": "GET, HEAD, OPTIONS"], ByteBuffer())
        }
        return PlainResponse(Refusal.notFound)
    }
}

extension PlainResponse {
    /// A sentence.
    package init(_ refusal: Refusal) {
        var headers: HTTPHeaders = ["Content-Type": "text/plain; charset=utf-8"]
        for header in refusal.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        self.init(HTTPResponseStatus(statusCode: refusal.status), headers, ByteBuffer(string: refusal.text + "\n"))
    }
}
