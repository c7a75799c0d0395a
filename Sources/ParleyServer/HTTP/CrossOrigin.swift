internal import HTTPTypes
internal import Hummingbird

/// CORS headers for the configured origins, and the answer to preflight requests (Fetch standard, *CORS protocol*).
struct CrossOrigin: RouterMiddleware {
    typealias Context = APIContext

    /// Origins as browsers send them; `*` admits all. Empty: no headers, every page of another origin is refused by its browser.
    let origins: [String]
    /// The same for paths under `/api`.
    let apiOrigins: [String]
    /// Whether a path has rules of its own.
    let leavesAlone: @Sendable (_ path: String) -> Bool

    /// - Parameter apiSetting: For `/api`; `nil`: as everywhere.
    init(
        setting: String?,
        apiSetting: String? = nil,
        leavesAlone: @escaping @Sendable (_ path: String) -> Bool = { _ in false }
    ) {
        self.leavesAlone = leavesAlone
        self.origins = Self.list(setting)
        self.apiOrigins = Self.list(apiSetting ?? setting)
    }

    private static func list(_ setting: String?) -> [String] {
        (setting ?? "").split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if self.leavesAlone(request.uri.path) { return try await next(request, context) }
        let isAPI = request.uri.path.hasPrefix("/api/")
        let allowed = Self.allowed(request.headers[.origin], by: isAPI ? self.apiOrigins : self.origins)
        if request.method == .options, isAPI || allowed != nil {
            var headers = self.headers(allowing: allowed)
            if allowed != nil {
                headers[.accessControlAllowMethods] = "GET, POST, DELETE, OPTIONS"
                headers[.accessControlAllowHeaders] = "authorization, content-type"
                headers[.accessControlMaxAge] = "600"
            }
            return Response(status: .noContent, headers: headers)
        }
        var response = try await next(request, context)
        response.headers.append(contentsOf: self.headers(allowing: allowed))
        return response
    }

    private static func allowed(_ origin: String?, by origins: [String]) -> String? {
        guard let origin else { return nil }
        return origins.contains("*") ? "*" : origins.contains(origin) ? origin : nil
    }

    private func headers(allowing origin: String?) -> HTTPFields {
        guard let origin else { return [:] }
        return origin == "*" ? [.accessControlAllowOrigin: "*"] : [.accessControlAllowOrigin: origin, .vary: "Origin"]
    }
}

extension Substring {
    func trimmingSpaces() -> String {
        var text = self
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
