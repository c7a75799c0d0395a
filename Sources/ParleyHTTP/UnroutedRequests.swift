internal import HTTPTypes
internal import Hummingbird
internal import ParleyModel

/// Answers what a router has no route for, each in the words of the API that it seems to be meant for.
///
/// Added to the router last, behind all its routes: requests that have a route do not come by.
struct UnroutedRequests: RouterMiddleware {
    typealias Context = APIContext

    let routes: ListenerRoutes

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let place = self.routes.place(at: request.uri.path[...])
        guard let refusal = context.refusal ?? self.refusal(of: request, at: place) else {
            // A question about the server as a whole (RFC 9110 §9.3.7), or about what is here.
            return Response(status: .noContent, headers: [.allow: place.allowed.joined(separator: ", ")])
        }
        // A handshake is missed in the same words everywhere.
        let shape = refusal.status == 426 ? .text : place.part.shape
        return shape.response(to: refusal, at: request.uri.path)
    }

    /// - Returns: `nil` when only OPTIONS is to be answered.
    private func refusal(of request: Request, at place: ListenerRoutes.Place) -> Refusal? {
        let isOptions = request.method == .options
        if isOptions, request.head.path == "*" { return nil }
        if !place.methods.isEmpty { return isOptions ? nil : .wrongMethod(allowed: place.allowed) }
        guard place.part.speaksWebSocket else { return self.routes.nothingHere }
        switch request.method {
        case .get, .head: return .upgradeRequired
        case .options: return nil
        default: return .wrongMethod(allowed: place.allowed)
        }
    }
}
