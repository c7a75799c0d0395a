internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyHTTP
internal import ParleyModel
internal import ParleyText

/// `/api-docs`: the API documentation, behind Basic authentication (RFC 7617).
struct GatewayDocumentation: Sendable {
    private let configuration: GatewayConfiguration
    private let document: ByteBuffer

    init(_ configuration: GatewayConfiguration, events: [String]) {
        self.configuration = configuration
        self.document = OpenAPIDocument(configuration: configuration, events: events).json
    }

    func register(on router: Router<APIContext>) {
        router.get("api-docs") { request, _ in self.guarded(request) { .html(self.page) } }
        router.get("api-docs/json") { request, _ in self.guarded(request) { .json(.ok, self.document) } }
        for (name, type) in Self.assets {
            router.get("api-docs/\(name)") { request, _ in
                self.guarded(request) { self.asset(name, type) ?? .failure(.notFound, "Not found") }
            }
        }
    }

    /// Swagger UI's own files, by the only names that are served.
    private static let assets = ["swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"]

    private func guarded(_ request: Request, _ body: () -> Response) -> Response {
        guard !self.configuration.isProduction else { return .failure(.notFound, "Not found") }
        guard let password = self.configuration.docsPassword, !password.isEmpty else {
            return self.configuration.opensDocumentation ? body() : .failure(.notFound, "Not found")
        }
        guard self.isAuthorized(request.headers[.authorization], password) else {
            var response = Response.failure(.unauthorized, "Expected the documentation's user and password")
            response.headers[.wwwAuthenticate] = "Basic realm=\"Swagger Documentation\", charset=\"UTF-8\""
            return response
        }
        return body()
    }

    private func isAuthorized(_ header: String?, _ password: String) -> Bool {
        guard let credentials = AuthorizationField.credentials(of: "basic", in: header),
            let bytes = Base64.decode(credentials.utf8, .strict),
            let given = String(validating: bytes, as: UTF8.self)
        else { return false }
        return ConstantTime.areEqual(given, "\(self.configuration.docsUser):\(password)")
    }

    private func asset(_ name: String, _ type: String) -> Response? {
        guard let directory = self.configuration.swaggerDirectory,
            let data = FileManager.default.contents(atPath: "\(directory)/\(name)")
        else { return nil }
        return Response(
            status: .ok,
            headers: [.contentType: "\(type); charset=utf-8", .cacheControl: "max-age=3600"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: data))
        )
    }

    private var hasSwaggerUI: Bool {
        self.configuration.swaggerDirectory.map { directory in
            Self.assets.keys.allSatisfy { FileManager.default.fileExists(atPath: "\(directory)/\($0)") }
        } ?? false
    }

    private var page: String { self.hasSwaggerUI ? DocumentationPage.swaggerUI : DocumentationPage.own }
}

extension Response {
    fileprivate static func html(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/html; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
