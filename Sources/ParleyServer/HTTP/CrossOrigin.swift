internal import HTTPTypes
internal import Hummingbird

/// CORS headers for the configured origins, and the answer to preflight requests (Fetch standard, *CORS protocol*).
struct CrossOrigin: RouterMiddleware {
    typealias Context = APIContext

    /// Origins as browsers send them; `*` admits all. Empty: no headers, every page of another origin is refused by its browser.
    let origins: [String]

    init(setting: String?) {
        self.origins = (setting ?? "").split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    func handle(
        _ request: Request,
        context: APIContext,
        next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let allowed = self.allowedOrigin(for: request.headers[.origin])
        if request.method == .options {
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

    private func allowedOrigin(for origin: String?) -> String? {
        if self.origins.contains("*") { return "*" }
        return origin.flatMap { self.origins.contains($0) ? $0 : nil }
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
