import HTTPTypes
import ParleyHTTPTesting
import ParleyModel
import Testing

@testable import ParleyGateway
@testable import ParleyHTTP

/// Tests of the gateway's policy in `CORSPolicy+APIs.swift`, and of `CrossOriginRule.swift`.
@Suite struct GatewayCORSTests {
    private static let origins = ["http://a.test", "http://b.test"]
    private static let corsHeaders: [HTTPField.Name] = [
        .accessControlAllowOrigin, .accessControlAllowCredentials, .accessControlAllowMethods,
        .accessControlAllowHeaders, .accessControlMaxAge,
    ]

    private func send(
        _ method: HTTPRequest.Method,
        _ path: String = "/health",
        from origin: String?,
        _ configure: (inout GatewayConfiguration) -> Void = { $0.corsOrigins = GatewayCORSTests.origins }
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        headers[.origin] = origin
        return try await TestGateway(configure).send(method, path, headers: headers)
    }

    @Test("A listed origin is echoed, for pages that bring their cookies", arguments: origins)
    func listed(origin: String) async throws {
        let answer = try await self.send(.get, from: origin)
        #expect(answer.headers[.accessControlAllowOrigin] == origin)
        #expect(answer.headers[.accessControlAllowCredentials] == "true")
        #expect(answer.headers[.vary] == "Origin")
    }

    @Test(
        "Another is not, though caches must tell them apart",
        arguments: [
            nil, "http://c.test", "http://a.test.evil", "https://a.test", "http://a.test,http://b.test", "null",
        ] as [String?]
    )
    func unlisted(origin: String?) async throws {
        for method in [.get, .options] as [HTTPRequest.Method] {
            let answer = try await self.send(method, from: origin)
            for name in Self.corsHeaders { #expect(answer.headers[name] == nil, "\(name)") }
            #expect(answer.headers[.vary] == "Origin")
        }
    }

    @Test("An asterisk admits all, without their cookies", arguments: [nil, "http://c.test"] as [String?])
    func all(origin: String?) async throws {
        for method in [.get, .options] as [HTTPRequest.Method] {
            let answer = try await self.send(method, from: origin) { $0.corsOrigins = ["http://a.test", "*"] }
            #expect(answer.headers[.accessControlAllowOrigin] == "*")
            #expect(answer.headers[.accessControlAllowCredentials] == nil)
            #expect(answer.headers[.vary] == nil)
        }
    }

    @Test("Pages of this machine may be welcome on any port", arguments: ["http://localhost:1234", "https://[::1]"])
    func local(origin: String) async throws {
        let answer = try await self.send(.get, from: origin) { $0.admitsLocalOrigins = true }
        #expect(answer.headers[.accessControlAllowOrigin] == origin)
        #expect(answer.headers[.accessControlAllowCredentials] == "true")
    }

    @Test(
        "A cookie counts from pages that may bring it, and from programs",
        arguments: [
            (nil, 200), ("http://a.test", 200), ("http://api.test", 200), ("http://c.test", 400), ("null", 400),
        ] as [(String?, Int)]
    )
    func cookies(origin: String?, status: Int) async throws {
        let gateway = TestGateway { $0.corsOrigins = Self.origins }
        try await gateway.addSession("t")
        var headers: HTTPFields = [.cookie: "token=t"]
        headers[.origin] = origin
        #expect(try await gateway.send(.post, "/api/auth/logout", headers: headers).status == status)
        #expect((try await gateway.session("t") == nil) == (status == 200))
    }

    @Test("A browser may ask before, whatever for", arguments: ["/", "/api/auth/session", "/nothing", "/api-docs"])
    func preflight(path: String) async throws {
        let answer = try await self.send(.options, path, from: "http://b.test")
        #expect(answer.line == "204 ")
        #expect(answer.headers[.accessControlAllowOrigin] == "http://b.test")
        #expect(answer.headers[.accessControlAllowCredentials] == "true")
        #expect(answer.headers[.accessControlAllowMethods] == "GET, POST, PUT, DELETE, PATCH, OPTIONS")
        #expect(answer.headers[.accessControlAllowHeaders] == "Content-Type, Authorization, X-Requested-With")
        #expect(answer.headers[.accessControlMaxAge] == "86400")
    }

    @Test("Switched off, it says nothing at all", arguments: origins + ["*"])
    func disabled(origin: String) async throws {
        for method in [.get, .options] as [HTTPRequest.Method] {
            let answer = try await self.send(method, from: origin) {
                $0.corsOrigins = [origin]
                $0.isCORSDisabled = true
            }
            #expect(answer.status == (method == .options ? 204 : 200))
            for name in Self.corsHeaders + [.vary] { #expect(answer.headers[name] == nil, "\(name)") }
        }
    }

    @Test("Pages may read refusals, too", arguments: [("/api/auth/session", 401), ("/nothing", 404)])
    func refusal(path: String, status: Int) async throws {
        let answer = try await self.send(.get, path, from: "http://a.test")
        #expect(answer.status == status)
        #expect(answer.body.hasPrefix("{\"success\":false,"))
        #expect(answer.headers[.accessControlAllowOrigin] == "http://a.test")
    }

    @Test("Even that their bodies are too long")
    func tooLong() async throws {
        let body = String(repeating: "x", count: GatewayAPI.maximumBodyBytes + 1)
        let headers: HTTPFields = [.origin: Self.origins[0]]
        let gateway = TestGateway { $0.corsOrigins = Self.origins }
        let answer = try await gateway.send(.post, "/api/auth/acquire-session", body, headers: headers)
        #expect(answer.status == 413)
        #expect(answer.body.hasPrefix("{\"success\":false,"))
        #expect(answer.headers[.accessControlAllowOrigin] == Self.origins[0])
    }

    @Test(
        "On a shared port it keeps to the gateway's paths",
        arguments: [
            ("/api/auth/session", true), ("/api/emit", true), ("/api-docs", true), ("/api-docs/json", true),
            ("/websocket-info", true), ("/", false), ("/health", false), ("/api/rooms", false), ("/api-docsx", false),
            ("/api/emit/", true), ("//api//emit", true), ("/api-docs/", true), ("/api/emit/x", false),
        ]
    )
    func sharedPaths(path: String, isOurs: Bool) {
        #expect(GatewayRoute.isShared(RoutePath(path)) == isOurs)
    }
}
