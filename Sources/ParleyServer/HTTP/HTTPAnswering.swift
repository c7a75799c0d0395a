internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// The HTTP API of a listener.
protocol HTTPAnswering: Sendable {
    /// Bytes that the body of a request may have; `nil` where there is no such route.
    func maximumBodyBytes(for method: HTTPMethod, at path: Substring) -> Int?

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
struct RouterAPI<Responder: HTTPResponder>: HTTPAnswering where Responder.Context == APIContext {
    private let responder: Responder
    /// The answer where the router has no route.
    private let fallback: @Sendable (Request) -> Response
    private let table: RouteTable
    private let maximumBodyBytes: Int
    private let logger: Logger

    /// - Parameter maximumBodyBytes: Of any request.
    init(
        _ router: Router<APIContext>,
        fallback: @escaping @Sendable (Request) -> Response,
        maximumBodyBytes: Int = 1 << 20,
        logger: Logger
    ) where Responder == RouterResponder<APIContext> {
        self.responder = router.buildResponder()
        self.table = RouteTable(router.routes.map { ($0.method.rawValue, $0.path.description) })
        self.fallback = fallback
        self.maximumBodyBytes = maximumBodyBytes
        self.logger = logger
    }

    /// `OPTIONS *` asks what can be done here at all (RFC 9110 §9.3.7).
    private static var aboutTheServer: Response {
        Response(status: .noContent, headers: [.allow: "GET, HEAD, POST, DELETE, OPTIONS"])
    }

    func maximumBodyBytes(for method: HTTPMethod, at path: Substring) -> Int? {
        if ChannelManagement.claims(path) { return ChannelManagement.maximumBodyBytes }
        return self.table.contains(method, path) ? self.maximumBodyBytes : nil
    }

    func respond(
        to request: Request,
        from client: SocketAddress?,
        on channel: any Channel,
        refusing refusal: Refusal?
    ) async -> Response {
        var context = APIContext(source: ApplicationRequestContextSource(channel: channel, logger: self.logger))
        context.remoteAddress = client
        context.refusal = refusal
        if request.method == .options, request.head.path == "*" { return Self.aboutTheServer }
        do {
            let response = try await self.responder.respond(to: request, context: context)
            // A route that answers 404 itself says something; where there is no route, nothing was said.
            guard response.status == .notFound, response.headers[.contentType] == nil else { return response }
            return self.fallback(request)
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

/// What a request handler knows of the client.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Where it is, behind proxies that are trusted.
    var remoteAddress: SocketAddress?
    /// Decided before the request came here.
    var refusal: Refusal?

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.remoteAddress = source.channel.remoteAddress
    }
}

/// Answers what was refused before the API was asked. Stands behind the middlewares that add to every answer, and before the
/// routes.
struct RefusalMiddleware: RouterMiddleware {
    typealias Context = APIContext

    /// Whether a path has one of its own.
    var leavesAlone: @Sendable (_ path: String) -> Bool = { _ in false }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if let refusal = context.refusal, !self.leavesAlone(request.uri.path) { return Response(refusal) }
        return try await next(request, context)
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
