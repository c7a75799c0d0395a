internal import HTTPTypes
package import Hummingbird
internal import NIOCore
internal import ParleyDialects
package import ParleyHTTP
internal import ParleyHub
internal import ParleyModel

/// The gateway's REST API. Source: event gateway specification, *REST*.
///
/// Bodies are JSON, `{success, data?, error?, message?}`.
package struct GatewayAPI: Sendable {
    let services: GatewayServices
    /// The names of events, for those who ask what there is.
    let events: [String]

    /// Of the largest bodies.
    package static let maximumBodyBytes = 256 * 1024

    /// What the route of a path reads of a body; `nil`: nothing, as there is none, or it is switched off.
    package static func maximumBodyBytes(at path: RoutePath, _ configuration: GatewayConfiguration) -> Int? {
        guard let route = GatewayRoute.shared(at: path) else { return nil }
        return route.security == .admin && configuration.adminToken == nil ? nil : route.maximumBodyBytes
    }

    /// The routes that a shared port has, too.
    func registerShared(on router: Router<APIContext>) {
        for route in GatewayRoute.shared { self.register(route, on: router) }
        GatewayDocumentation(self.services.configuration, events: self.events).register(on: router)
    }

    /// Those of the gateway's own port.
    func registerOwn(on router: Router<APIContext>) {
        for route in GatewayRoute.own { self.register(route, on: router) }
    }

    private func register(_ route: GatewayRoute, on router: Router<APIContext>) {
        let services = self.services
        let origins = services.configuration.origins
        router.on(RouterPath(route.path), method: route.method == .get ? .get : .post) { request, context in
            try await self.answer(route.operation, GatewayRequest(request, context, origins: origins), services)
        }
    }

    private func answer(
        _ operation: GatewayRoute.Operation,
        _ request: GatewayRequest,
        _ services: GatewayServices
    ) async throws -> Response {
        switch operation {
        case .acquireSession: return try await AuthRoutes(services: services).acquire(request)
        case .showSession: return try await AuthRoutes(services: services).show(request)
        case .logout: return try await AuthRoutes(services: services).logout(request)
        case .link: return try await AuthRoutes(services: services).link(request)
        case .emit: return try await EmitRoute(services: services).emit(request)
        case .chat: return try await ChatRoutes(services: services).chat(request)
        case .chatStatus: return ChatRoutes(services: services).status()
        case .webSocketInfo: return InfoRoutes(services: services, events: self.events).webSocketInfo()
        case .welcome: return InfoRoutes(services: services, events: self.events).welcome()
        case .health: return InfoRoutes(services: services, events: self.events).health()
        case .databaseHealth: return await InfoRoutes(services: services, events: self.events).databaseHealth()
        }
    }
}

/// A request as the routes look at it.
struct GatewayRequest: Sendable {
    let request: Request
    let context: APIContext
    /// Of pages that may come with their cookies.
    let origins: OriginList

    init(_ request: Request, _ context: APIContext, origins: OriginList) {
        self.request = request
        self.context = context
        self.origins = origins
    }

    /// The body, or an empty one.
    func body() async throws -> ByteBuffer {
        var request = self.request
        return try await request.collectBody(upTo: GatewayAPI.maximumBodyBytes)
    }

    /// Body or query, then Bearer header, then cookie.
    func token(in body: ByteBuffer) -> String? {
        if let token = JSONFields(body)?.name("token"), !token.isEmpty { return token }
        if let token = self.request.parameter("token"), !token.isEmpty { return token }
        if let token = AuthorizationField.bearer(self.request.headers[.authorization]) { return token }
        return self.mayBringCookies ? self.request.cookies["token"]?.value : nil
    }

    /// A browser adds its cookies whatever page has sent the request: those of a page that may not use them do not count, or any page
    /// could log its visitors out here. Programs send no Origin.
    private var mayBringCookies: Bool {
        guard let origin = self.request.headers[.origin] else { return true }
        if let authority = self.request.head.authority, let scheme = origin.firstRange(of: "://") {
            if origin[scheme.upperBound...].hasSameBytesInAnyCase(as: authority) { return true }
        }
        return !self.origins.admitsAny && self.origins.admits(origin)
    }

}

/// The top-level members of a JSON object.
struct JSONFields {
    private let buffer: ByteBuffer
    private var values: [ExactString: JSONValue] = [:]

    /// - Returns: `nil` when it is no JSON object, or no UTF-8.
    init?(_ buffer: ByteBuffer) {
        // The scanner relies on it, and what it finds may end up in a text frame (RFC 6455 §5.6).
        guard TextLength.isUTF8(buffer) else { return nil }
        self.buffer = buffer
        var values: [ExactString: JSONValue] = [:]
        do {
            try JSONScanner.scanObject(buffer) { key, value in values[ExactString(key.string)] = value }
        } catch {
            return nil
        }
        self.values = values
    }

    func string(_ name: String) -> String? {
        self.values[ExactString(name)].flatMap { JSONString.decode($0, in: self.buffer) }
    }
    /// The same for what names something: `nil` with half of a surrogate pair in it, too.
    func name(_ name: String) -> String? {
        self.values[ExactString(name)].flatMap { JSONString.decodeName($0, in: self.buffer) }
    }
    /// The first of some names that has half of a surrogate pair in it, in a sentence.
    func halves(_ names: String...) -> String? {
        names.first { self.string($0) != nil && self.name($0) == nil }.map {
            "\($0) has half of a surrogate pair in it: expected Unicode text"
        }
    }
    func json(_ name: String) -> ByteBuffer? { self.values[ExactString(name)].map { self.buffer.slice(of: $0) } }
    func has(_ name: String) -> Bool { self.values[ExactString(name)].map { $0.kind != .null } ?? false }
}

extension Response {
    static func success(_ body: (inout JSONObjectWriter) -> Void) -> Response {
        .json(
            .ok,
            JSONObjectWriter.object {
                $0.write("success", true)
                body(&$0)
            }
        )
    }

    static func failure(_ status: HTTPResponse.Status, _ error: String) -> Response {
        .json(
            status,
            JSONObjectWriter.object {
                $0.write("success", false)
                $0.write("error", error)
            }
        )
    }
}

extension Response {
    /// The session store could not be asked, or not be written: it may pass.
    static var storeFailure: Response {
        var response = Response.failure(.serviceUnavailable, GatewayAuthentication.Failure.unavailable.rawValue)
        response.headers[.retryAfter] = "5"
        return response
    }
}

extension Gateway {
    private var api: GatewayAPI { GatewayAPI(services: self.services, events: self.router.events) }

    /// What the gateway's own port answers.
    package func addRoutes(to router: Router<APIContext>) {
        router.add(middleware: GatewayFailures())
        self.api.registerOwn(on: router)
        self.api.registerShared(on: router)
    }

    /// What it answers on a port that others use, too.
    package func addSharedRoutes(to router: Router<APIContext>) {
        router.add(middleware: GatewayFailures { GatewayRoute.isShared(RoutePath($0)) })
        self.api.registerShared(on: router)
    }
}
