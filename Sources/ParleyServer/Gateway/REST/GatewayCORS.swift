internal import HTTPTypes
internal import Hummingbird

/// CORS of the gateway's HTTP: listed origins are echoed, with credentials. Source: event gateway specification, *CORS*.
struct GatewayCORS: RouterMiddleware {
    typealias Context = APIContext

    private let origins: [String]
    private let isDisabled: Bool
    private let appliesTo: @Sendable (_ path: String) -> Bool

    /// - Parameter appliesTo: On a port that others use, too: the gateway's own paths.
    init(
        _ configuration: GatewayConfiguration,
        appliesTo: @escaping @Sendable (_ path: String) -> Bool = { _ in true }
    ) {
        self.appliesTo = appliesTo
        self.origins = configuration.corsOrigins
        self.isDisabled = configuration.isCORSDisabled
    }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard self.appliesTo(request.uri.path) else { return try await next(request, context) }
        if request.method == .options { return self.preflight(request) }
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as any HTTPResponseError {
            // The router's own, as 404 and 413, would pass by without headers: a page could not read them.
            let text = error.status == .notFound ? "Not found" : error.status.reasonPhrase
            response = .failure(error.status, text)
        }
        self.addHeaders(to: &response, for: request)
        return response
    }

    /// 204 to OPTIONS for anything, with what a browser asks for if its page may come.
    func preflight(_ request: Request) -> Response {
        var response = Response(status: .noContent)
        self.addHeaders(to: &response, for: request)
        if response.headers[.accessControlAllowOrigin] != nil {
            response.headers[.accessControlAllowMethods] = "GET, POST, PUT, DELETE, PATCH, OPTIONS"
            response.headers[.accessControlAllowHeaders] = "Content-Type, Authorization, X-Requested-With"
            response.headers[.accessControlMaxAge] = "86400"
        }
        return response
    }

    func addHeaders(to response: inout Response, for request: Request) {
        guard !self.isDisabled else { return }
        if self.origins.contains("*") {
            response.headers[.accessControlAllowOrigin] = "*"
        } else {
            response.headers[.vary] = "Origin"
            guard let origin = request.headers[.origin], self.origins.contains(origin) else { return }
            response.headers[.accessControlAllowOrigin] = origin
        }
        response.headers[.accessControlAllowCredentials] = "true"
    }
}
