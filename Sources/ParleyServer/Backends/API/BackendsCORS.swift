internal import HTTPTypes
internal import Hummingbird

/// Any page may ask: the tokens are in headers, which it has to know, and the ids are secrets.
struct BackendsCORS: RouterMiddleware {
    typealias Context = APIContext

    /// Paths of the API on a port that others use, too.
    static func isSharedPath(_ path: String) -> Bool {
        ["/v1", "/v2", "/ctrl", "/pub", "/ready"].contains { path == $0 || path.hasPrefix($0 + "/") }
            && path != "/readyz"
    }

    /// Whether a path belongs to the API.
    let applies: @Sendable (_ path: String) -> Bool

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard request.method == .options, self.applies(request.uri.path) else {
            return try await next(request, context)
        }
        var headers = BackendsAPI.openToAll
        headers[.accessControlAllowMethods] = "GET, POST, DELETE, OPTIONS"
        headers[.accessControlAllowHeaders] = "authorization, content-type, last-event-id"
        headers[.accessControlMaxAge] = "600"
        return Response(status: .noContent, headers: headers)
    }
}
