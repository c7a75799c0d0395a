package import HTTPTypes
package import Hummingbird
package import Logging
package import NIOCore
package import ParleyModel

/// The HTTP API of a listener.
package protocol HTTPAnswering: Sendable {
    /// Never fails: what goes wrong becomes a response.
    /// - Parameters:
    ///   - client: Where the client is.
    ///   - refusal: Decided already: the answer is this, in the form that clients of the route know.
    func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response
}

/// A Hummingbird router as a listener's HTTP API.
package struct RouterAPI<Responder: HTTPResponder>: HTTPAnswering where Responder.Context == APIContext {
    private let responder: Responder
    private let routes: ListenerRoutes
    private let logger: Logger

    /// - Parameters:
    ///   - router: With all its routes.
    ///   - routes: Of the same listener.
    package init(_ router: Router<APIContext>, _ routes: ListenerRoutes, logger: Logger)
    where Responder == RouterResponder<APIContext> {
        router.add(middleware: UnroutedRequests(routes: routes))
        self.responder = router.buildResponder()
        self.routes = routes
        self.logger = logger
    }

    package func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response {
        var context = APIContext(source: ApplicationRequestContextSource(channel: channel, logger: self.logger))
        context.remoteAddress = client
        context.refusal = refusal
        let request = refusal == nil ? request : Self.withoutRoute(request)
        do {
            let response = try await self.responder.respond(to: request, context: context)
            // A route that refuses says something; what the router's library refuses has a status alone.
            guard response.status.kind == .clientError || response.status.kind == .serverError,
                response.headers[.contentType] == nil, response.body.contentLength == 0
            else { return response }
            let place = self.routes.place(at: request.uri.path[...])
            var shaped = place.part.shape.response(to: .other(status: response.status.code), at: request.uri.path)
            for field in response.headers where field.name != .contentLength {
                shaped.headers[field.name] = field.value
            }
            return shaped
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

extension RouterAPI {
    /// The router gives its middlewares to each route as they are when the route is made, so that none stands before the routes
    /// and behind the others. A request that has no route comes to those who answer such, through all of them.
    private static func withoutRoute(_ request: Request) -> Request {
        var head = request.head
        head.method = .refused
        return Request(head: head, body: request.body)
    }
}

/// What a request handler knows of the client.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Where it is, behind proxies that are trusted; `nil` when nobody knows.
    package var remoteAddress: SocketAddress?
    /// Decided before the request came here.
    package var refusal: Refusal?

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }
}

extension HTTPRequest.Method {
    /// No route has it, and no parser of requests makes it.
    fileprivate static let refused = HTTPRequest.Method("REFUSED-REQUEST")!
}

extension Response {
    package init(_ refusal: Refusal) {
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

    package static func json(
        _ status: HTTPResponse.Status = .ok,
        _ body: ByteBuffer,
        headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }

    package static func json(_ body: ByteBuffer, headers: HTTPFields = [:]) -> Response {
        self.json(.ok, body, headers: headers)
    }

    package static func json(_ status: HTTPResponse.Status = .ok, _ body: String) -> Response {
        self.json(status, ByteBuffer(string: body))
    }

    package static func text(_ status: HTTPResponse.Status = .ok, _ body: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body))
        )
    }
}
