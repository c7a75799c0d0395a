import Foundation
import HTTPTypes
import ParleyHTTPTesting
import Testing

@testable import ParleyGateway

/// Tests of `GatewayDocumentation.swift`.
@Suite struct GatewayDocumentationTests {
    private static let paths = ["/api-docs", "/api-docs/json"]
    private static let notFound = "404 {\"success\":false,\"error\":\"Not found\"}"

    private static func basic(_ credentials: String, scheme: String = "Basic") -> HTTPFields {
        [.authorization: "\(scheme) \(Data(credentials.utf8).base64EncodedString())"]
    }

    private static let docs: @Sendable (inout GatewayConfiguration) -> Void = { $0.docsPassword = "pass:word" }

    @Test("User and password open the page and the document", arguments: paths, ["Basic", "basic"])
    func authorized(path: String, scheme: String) async throws {
        let headers = Self.basic("admin:pass:word", scheme: scheme)
        let answer = try await TestGateway(Self.docs).send(.get, path, headers: headers)
        #expect(answer.status == 200)
        let isPage = path == "/api-docs"
        #expect(answer.headers[.contentType] == (isPage ? "text/html; charset=utf-8" : "application/json"))
        #expect(answer.body.hasPrefix(isPage ? "<!doctype html>" : "{\"openapi\":\"3.1.0\","))
    }

    @Test("Open, it asks for nothing, unless there is a password", arguments: paths)
    func open(path: String) async throws {
        #expect(try await TestGateway { $0.opensDocumentation = true }.send(.get, path).status == 200)
        let guarded = TestGateway {
            $0.opensDocumentation = true
            $0.docsPassword = "pass"
        }
        #expect(try await guarded.send(.get, path).status == 401)
        let production = TestGateway {
            $0.opensDocumentation = true
            $0.isProduction = true
        }
        #expect(try await production.send(.get, path).status == 404)
    }

    @Test("SWAGGER_USERNAME is asked for")
    func user() async throws {
        let gateway = TestGateway {
            $0.docsUser = "reader"
            $0.docsPassword = "pass"
        }
        #expect(try await gateway.send(.get, "/api-docs", headers: Self.basic("reader:pass")).status == 200)
        #expect(try await gateway.send(.get, "/api-docs", headers: Self.basic("admin:pass")).status == 401)
    }

    @Test(
        "Whoever does not know them is asked for them",
        arguments: [
            nil, "Basic", "Basic !!!", "Basic /w==", "Bearer pass:word", "admin:pass:word",
            basic("admin:pass")[.authorization], basic("admin:pass:word ")[.authorization],
            basic("Admin:pass:word")[.authorization], basic("admin:")[.authorization], basic("")[.authorization],
            basic("admin:pass:word", scheme: "Digest")[.authorization],
        ] as [String?]
    )
    func unauthorized(authorization: String?) async throws {
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        for path in Self.paths + ["/api-docs/swagger-ui.css", "/api-docs/swagger-ui-bundle.js"] {
            let answer = try await TestGateway(Self.docs).send(.get, path, headers: headers)
            #expect(answer.status == 401)
            #expect(answer.headers[.wwwAuthenticate]?.hasPrefix("Basic realm=\"Swagger Documentation\"") == true)
            #expect(answer.headers[.contentType] == "application/json")
            #expect(answer.body.hasPrefix("{\"success\":false,"))
        }
    }

    @Test("Without a password, and in production, there is no documentation", arguments: paths)
    func absent(path: String) async throws {
        let gateways = [
            TestGateway { $0.docsPassword = nil }, TestGateway { $0.docsPassword = "" },
            TestGateway {
                $0.docsPassword = "pass:word"
                $0.isProduction = true
            },
        ]
        for gateway in gateways {
            for headers in [[:], Self.basic("admin:"), Self.basic("admin:pass:word")] as [HTTPFields] {
                #expect(try await gateway.send(.get, path, headers: headers).line == Self.notFound)
            }
        }
    }

    @Test("The page needs nothing from elsewhere", arguments: [DocumentationPage.own, DocumentationPage.swaggerUI])
    func selfContained(page: String) {
        for foreign in ["http:", "https:", "\"//", "'//", "@import"] { #expect(!page.contains(foreign), "\(foreign)") }
    }

    // MARK: Swagger UI

    /// A directory with `files`, each with its own name in it, for as long as `body` takes.
    private func withDirectory(_ files: [String], _ body: (String) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "parley-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for file in files { try Data(file.utf8).write(to: directory.appending(path: file)) }
        try await body(directory.path)
    }

    private func gateway(_ directory: String) -> TestGateway {
        TestGateway {
            Self.docs(&$0)
            $0.swaggerDirectory = directory
        }
    }

    @Test("Swagger UI is served from its directory, by two names alone")
    func swaggerUI() async throws {
        let files = ["swagger-ui.css", "swagger-ui-bundle.js", "secret.txt"]
        try await self.withDirectory(files) { directory in
            let gateway = self.gateway(directory)
            let headers = Self.basic("admin:pass:word")
            #expect(try await gateway.send(.get, "/api-docs", headers: headers).body == DocumentationPage.swaggerUI)
            let style = try await gateway.send(.get, "/api-docs/swagger-ui.css", headers: headers)
            #expect(style.line == "200 swagger-ui.css")
            #expect(style.headers[.contentType] == "text/css; charset=utf-8")
            let script = try await gateway.send(.get, "/api-docs/swagger-ui-bundle.js", headers: headers)
            #expect(script.line == "200 swagger-ui-bundle.js")
            #expect(script.headers[.contentType] == "text/javascript; charset=utf-8")
            for name in ["secret.txt", "../secret.txt", "..%2Fsecret.txt", "SWAGGER-UI.CSS"] {
                #expect(try await gateway.send(.get, "/api-docs/\(name)", headers: headers).line == Self.notFound)
            }
        }
    }

    @Test("Half of Swagger UI is none", arguments: ["swagger-ui.css", "swagger-ui-bundle.js"])
    func half(file: String) async throws {
        try await self.withDirectory([file]) { directory in
            let answer = try await self.gateway(directory).send(
                .get,
                "/api-docs",
                headers: Self.basic("admin:pass:word")
            )
            #expect(answer.line == "200 " + DocumentationPage.own)
        }
    }

    @Test("Without its directory there is nothing of it")
    func noDirectory() async throws {
        for gateway in [TestGateway(Self.docs), self.gateway("/nowhere")] {
            let answer = try await gateway.send(
                .get,
                "/api-docs/swagger-ui.css",
                headers: Self.basic("admin:pass:word")
            )
            #expect(answer.line == Self.notFound)
        }
    }
}
