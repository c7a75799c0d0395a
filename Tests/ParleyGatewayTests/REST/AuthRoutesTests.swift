import HTTPTypes
import ParleyHTTPTesting
import ParleyHub
import ParleyModel
import Testing

@testable import ParleyGateway
@testable import ParleyTransport

/// Tests of `AuthRoutes.swift`.
@Suite struct AuthRoutesTests {
    private static let unauthorized = "{\"success\":false,\"error\":\"Invalid or expired session\"}"
    private static let noToken = "{\"success\":false,\"error\":\"No token provided\"}"
    private static let storeFailed =
        "{\"success\":false,\"error\":\"The session store does not answer: try again\"}"

    // MARK: acquire-session

    @Test("A new session is 30 days long and nobody's", arguments: ["", "{}", "{\"platform\":5}", "not JSON", "[]"])
    func acquire(body: String) async throws {
        let gateway = TestGateway()
        let answer = try await gateway.send(.post, "/api/auth/acquire-session", body)
        let token = try #require(answer.data("token"))
        #expect(answer.status == 200)
        #expect(token.count == GatewayToken.length)
        #expect(
            answer.body
                == "{\"success\":true,\"data\":{\"token\":\"\(token)\",\"expiresAt\":\"2026-01-31T00:00:00.000Z\"}}"
        )
        let session = try await gateway.session(token)
        #expect(session?.isLoggedIn == false)
        #expect(session?.userID == nil)
    }

    @Test("SESSION_TTL says how long it is")
    func lifetime() async throws {
        let answer = try await TestGateway { $0.sessionTTL = 90 }.send(.post, "/api/auth/acquire-session")
        #expect(answer.data("expiresAt") == "2026-01-01T00:01:30.000Z")
    }

    @Test(
        "The client's own address is the first that was forwarded, or that of the connection",
        arguments: [
            (nil, TestGateway.clientIP), ("203.0.113.9", "203.0.113.9"), (" 203.0.113.9 , 10.0.0.1", "203.0.113.9"),
            ("", TestGateway.clientIP),
        ] as [(String?, String)]
    )
    func metadata(forwarded: String?, ip: String) async throws {
        let gateway = TestGateway()
        var headers: HTTPFields = [.userAgent: "Agent/1"]
        headers[try #require(HTTPField.Name("X-Forwarded-For"))] = forwarded
        let body = "{\"platform\":\"ios\"}"
        let answer = try await gateway.send(.post, "/api/auth/acquire-session", body, headers: headers)
        let session = try await gateway.session(try #require(answer.data("token")))
        #expect(session?.metadata == ["userAgent": "Agent/1", "ip": ip, "platform": "ios"])
    }

    @Test("What clients say of themselves is cut, accents and all", arguments: ["a", "\u{301}"])
    func boundedMetadata(first: String) async throws {
        let gateway = TestGateway()
        let body = "{\"platform\":\"\(first)" + String(repeating: "\u{301}", count: 10_000) + "\"}"
        let answer = try await gateway.send(.post, "/api/auth/acquire-session", body)
        let session = try await gateway.session(try #require(answer.data("token")))
        #expect(session?.metadata["platform"]?.unicodeScalars.count == 256)
    }

    // MARK: session

    /// Where a token may stand, the first that counts first.
    enum Place: CaseIterable, Sendable {
        case body, query, bearer, cookie
    }

    private func look(_ gateway: TestGateway, _ tokens: [Place: String]) async throws -> Answer {
        var headers: HTTPFields = [:]
        headers[.authorization] = tokens[.bearer].map { "bearer \($0)" }
        headers[.cookie] = tokens[.cookie].map { "theme=dark; token=\($0)" }
        return try await gateway.send(
            .get,
            "/api/auth/session" + (tokens[.query].map { "?token=\($0)" } ?? ""),
            tokens[.body].map { "{\"token\":\"\($0)\"}" } ?? "",
            headers: headers
        )
    }

    @Test("A session is found by its token, wherever that stands", arguments: Place.allCases)
    func show(place: Place) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        let answer = try await self.look(gateway, [place: "abc"])
        #expect(answer.status == 200)
        #expect(
            answer.body
                == "{\"success\":true,\"data\":{\"token\":\"abc\",\"userId\":null,\"isLoggedIn\":false,"
                + "\"expiresAt\":\"2026-01-01T00:01:00.000Z\"}}"
        )
    }

    @Test("Of several tokens one counts, even when it is the bad one", arguments: Place.allCases.indices.dropLast())
    func precedence(first: Int) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("good")
        var tokens: [Place: String] = [:]
        for place in Place.allCases[first...] { tokens[place] = "good" }
        tokens[Place.allCases[first]] = "bad"
        let answer = try await self.look(gateway, tokens)
        #expect(answer.line == "401 " + Self.unauthorized)
    }

    @Test("An empty token is none", arguments: Place.allCases)
    func emptyToken(place: Place) async throws {
        let answer = try await self.look(TestGateway(), [place: ""])
        #expect(answer.line == "401 " + Self.noToken)
    }

    @Test("Without a session there is nothing to see")
    func noSession() async throws {
        let gateway = TestGateway()
        try await gateway.addSession("old", lifetime: 0)
        let none = try await self.look(gateway, [:])
        #expect(none.line == "401 " + Self.noToken)
        for token in ["unknown", "old"] {
            let answer = try await self.look(gateway, [.bearer: token])
            #expect(answer.line == "401 " + Self.unauthorized)
        }
    }

    // MARK: logout

    @Test("A logout deletes the session, if there is one, and ends its connections", arguments: [true, false])
    func logout(exists: Bool) async throws {
        let gateway = TestGateway()
        if exists { try await gateway.addSession("abc") }
        let answer = try await gateway.send(.post, "/api/auth/logout", "{\"token\":\"abc\"}")
        #expect(answer.line == "200 {\"success\":true,\"message\":\"Logged out successfully\"}")
        #expect(try await gateway.session("abc") == nil)
        #expect(gateway.live.calls == [.end("abc")])
    }

    @Test("A logout of nobody is a mistake")
    func logoutWithoutToken() async throws {
        let gateway = TestGateway()
        let answer = try await gateway.send(.post, "/api/auth/logout")
        #expect(answer.line == "400 " + Self.noToken)
        #expect(gateway.live.calls.isEmpty)
    }

    // MARK: link

    private static let link = "{\"token\":\"abc\",\"userId\":\"u1\"}"

    @Test("A linked session is a user's")
    func linked() async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        let answer = try await gateway.send(.post, "/api/auth/link", Self.link, headers: .admin)
        #expect(answer.line == "200 {\"success\":true,\"message\":\"Session linked\"}")
        let session = try await gateway.session("abc")
        #expect(session?.isLoggedIn == true)
        #expect(session?.userID == "u1")
    }

    @Test(
        "Only the admin token links",
        arguments: [nil, "Bearer", "Bearer ", "Bearer open", "Bearer open sesame!", "Basic open sesame", "open sesame"]
            as [String?]
    )
    func adminToken(authorization: String?) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        var headers: HTTPFields = [:]
        headers[.authorization] = authorization
        let answer = try await gateway.send(.post, "/api/auth/link", Self.link, headers: headers)
        #expect(answer.line == "401 {\"success\":false,\"error\":\"Invalid admin token\"}")
        #expect(try await gateway.session("abc")?.isLoggedIn == false)
    }

    @Test("Without an admin token there is no such route", arguments: [nil, ""] as [String?])
    func noAdminToken(setting: String?) async throws {
        let gateway = TestGateway { $0.adminToken = setting }
        for path in ["/api/auth/link", "/api/emit"] {
            let answer = try await gateway.send(.post, path, Self.link, headers: .bearer(setting ?? ""))
            #expect(answer.line == "404 {\"success\":false,\"error\":\"Not found\"}")
        }
    }

    @Test(
        "A body that links nothing to nobody",
        arguments: [
            "", "null", "{}", "{\"token\":\"abc\"}", "{\"userId\":\"u1\"}", "{\"token\":\"abc\",\"userId\":\"\"}",
            "{\"token\":\"abc\",\"userId\":1}", "{\"token\":null,\"userId\":\"u1\"}",
            "{\"token\":\"abc\",\"userId\":\"" + String(repeating: "u", count: 257) + "\"}",
        ]
    )
    func badLink(body: String) async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc")
        #expect(try await gateway.send(.post, "/api/auth/link", body, headers: .admin).status == 400)
        #expect(try await gateway.session("abc")?.isLoggedIn == false)
    }

    @Test("There must be a session to link to")
    func linkUnknown() async throws {
        let gateway = TestGateway()
        try await gateway.addSession("abc", lifetime: 0)
        let answer = try await gateway.send(.post, "/api/auth/link", Self.link, headers: .admin)
        #expect(answer.line == "404 {\"success\":false,\"error\":\"No such session\"}")
    }

    // MARK: Failures

    @Test(
        "A store that cannot be asked is a trouble that may pass",
        arguments: [
            (.post, "/api/auth/acquire-session", ""), (.get, "/api/auth/session?token=abc", ""),
            (.post, "/api/auth/logout?token=abc", ""), (.post, "/api/auth/link", AuthRoutesTests.link),
            (.post, "/api/emit", "{\"event\":\"e\",\"session\":\"abc\"}"),
        ] as [(HTTPRequest.Method, String, String)]
    )
    func storeFailure(method: HTTPRequest.Method, path: String, body: String) async throws {
        let gateway = TestGateway(sessions: AbsentSessionStore())
        let answer = try await gateway.send(method, path, body, headers: .admin)
        #expect(answer.line == "503 " + Self.storeFailed)
        #expect(answer.headers[.retryAfter] == "5")
        #expect(gateway.live.calls.isEmpty)
    }

    @Test("A store that is full goes on giving sessions")
    func fullStore() async throws {
        let gateway = TestGateway(sessions: MemorySessionStore(maximumSessions: 1))
        for _ in 0..<3 { #expect(try await gateway.send(.post, "/api/auth/acquire-session").status == 200) }
    }
}

@Suite struct ConstantTimeTests {
    @Test(
        "Equal is equal to the last byte",
        arguments: [
            ("", "", true), ("a", "a", true), ("sesame", "sesame", true), ("", "a", false), ("a", "", false),
            ("sesame", "sesamf", false), ("tesame", "sesame", false), ("ab", "abab", false), ("abab", "ab", false),
            // One character, two spellings: a password is its bytes.
            ("\u{E9}", "e\u{301}", false), ("\u{FF}", "", false),
        ]
    )
    func equality(one: String, other: String, areEqual: Bool) {
        #expect(ConstantTime.areEqual(one, other) == areEqual)
    }
}
