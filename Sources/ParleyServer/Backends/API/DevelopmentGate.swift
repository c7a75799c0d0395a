internal import HTTPTypes
internal import Hummingbird
internal import ParleyBackends
internal import ParleyModel

/// In dev mode nobody has a token, and a request may bring environment for a process: only programs of this machine may start and
/// end backends, and pages that come from it. A page of another origin could otherwise do so in the developer's browser.
struct DevelopmentGate: RouterMiddleware {
    typealias Context = APIContext

    let services: BackendsServices
    /// Whether a path belongs to the API.
    let applies: @Sendable (_ path: String) -> Bool

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let isHarmless = [.get, .head, .options].contains(request.method) || !self.applies(request.uri.path)
        if isHarmless || self.services.catalogue.mode == .production || Self.isHere(request, context) {
            return try await next(request, context)
        }
        return BackendFailure.developmentOnly.response(id: BackendsAPI(services: self.services).note(.developmentOnly))
    }

    /// Whether a request comes from this machine, and from no page of another.
    static func isHere(_ request: Request, _ context: APIContext) -> Bool {
        guard let address = context.remoteAddress?.clientIP, address.hasPrefix("127.") || address == "::1" else {
            return false
        }
        guard let origin = request.headers[.origin] else { return true }
        let host = Authority(origin.split(separator: "/").last ?? "").host
        return host == "localhost" || host.hasSuffix(".localhost") || host == "[::1]"
            || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
