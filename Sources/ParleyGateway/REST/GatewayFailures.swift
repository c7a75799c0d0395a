internal import Hummingbird
internal import ParleyHTTP

/// The router's own errors, such as 413, in the gateway's words.
struct GatewayFailures: RouterMiddleware {
    typealias Context = APIContext

    /// On a port that others use, too: the gateway's own paths.
    var appliesTo: @Sendable (_ path: String) -> Bool = { _ in true }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard self.appliesTo(request.uri.path) else { return try await next(request, context) }
        do {
            return try await next(request, context)
        } catch let error as any HTTPResponseError {
            return .failure(error.status, error.status == .notFound ? "Not found" : error.status.reasonPhrase)
        }
    }
}
