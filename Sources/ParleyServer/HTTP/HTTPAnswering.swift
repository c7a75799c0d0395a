internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ParleyModel

/// The HTTP API of a listener.
protocol HTTPAnswering: Sendable {
    /// Never fails: what goes wrong becomes a response.
    func respond(to request: Request, on channel: any Channel) async -> Response
}

/// A Hummingbird router as a listener's HTTP API.
struct RouterAPI<Responder: HTTPResponder>: HTTPAnswering where Responder.Context == APIContext {
    let responder: Responder
    /// The answer where the router has no route.
    let fallback: Response
    let logger: Logger

    private func notFound(_ request: Request) -> Response {
        request.uri.path.hasPrefix("/api/") && self.fallback.status != .notFound ? Response(.notFound) : self.fallback
    }

    func respond(to request: Request, on channel: any Channel) async -> Response {
        let context = APIContext(source: ApplicationRequestContextSource(channel: channel, logger: self.logger))
        do {
            let response = try await self.responder.respond(to: request, context: context)
            // A route that answers 404 itself says something; where there is no route, nothing was said.
            guard response.status == .notFound, response.headers[.contentType] == nil else { return response }
            return self.notFound(request)
        } catch let error as any HTTPResponseError {
            return (try? error.response(from: request, context: context)) ?? Response(.internalError)
        } catch let refusal as Refusal {
            return Response(refusal)
        } catch {
            self.logger.error("Request failed", metadata: ["error": "\(type(of: error))"])
            return Response(.internalError)
        }
    }
}

/// What a request handler knows of the connection.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }
}

extension Response {
    init(_ refusal: Refusal) {
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8"]
        for header in refusal.headers {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        self.init(
            status: .init(code: refusal.status),
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(string: refusal.text + "\n"))
        )
    }

    static func json(_ status: HTTPResponse.Status = .ok, _ body: ByteBuffer, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    static func json(_ body: ByteBuffer, headers: HTTPFields = [:]) -> Response {
        self.json(.ok, body, headers: headers)
    }

    static func json(_ status: HTTPResponse.Status = .ok, _ body: String) -> Response {
        self.json(status, ByteBuffer(string: body))
    }

    static func text(_ status: HTTPResponse.Status = .ok, _ body: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body))
        )
    }
}
