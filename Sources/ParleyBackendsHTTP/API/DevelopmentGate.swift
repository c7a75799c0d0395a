internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import ParleyBackends
package import ParleyHTTP
internal import ParleyModel
internal import ParleyTransport

/// In dev mode nobody has a token: only programs of this machine, and pages that come from it, may start and end backends, and read
/// their ids, keys and output.
package struct DevelopmentGate: RouterMiddleware {
    package typealias Context = APIContext

    let services: BackendsServices
    /// Whether a path belongs to the API.
    let applies: @Sendable (_ path: String) -> Bool

    package init(
        services: BackendsServices,
        applies: @escaping @Sendable (_ path: String) -> Bool
    ) {
        self.services = services
        self.applies = applies
    }

    package func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // Preflights tell nothing.
        let isFree = request.method == .options || self.services.catalogue.mode == .production
        if isFree || !self.applies(request.uri.path) || self.services.isHere(request, context) {
            return try await next(request, context)
        }
        return BackendsAPI(services: self.services).refusal(.developmentOnly, for: request)
    }
}

extension BackendsServices {
    /// Whether a request comes from this machine, and from no page of another.
    func isHere(_ request: Request, _ context: APIContext) -> Bool {
        LocalCaller(ownHosts: self.ownHosts).allows(
            address: context.remoteAddress?.clientIP,
            authority: request.head.authority,
            origin: request.headers[.origin],
            site: request.headers[.secFetchSite]
        )
    }
}

extension HTTPField.Name {
    fileprivate static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
