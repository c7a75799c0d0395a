import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import ParleyHTTPTesting
import ParleyModel
import Testing

@testable import ParleyBackendsHTTP
@testable import ParleyGateway
@testable import ParleyHTTP
@testable import ParleyServer
@testable import ParleyTransport

/// Tests of `UnroutedRequests.swift`, `ListenerRoutes.swift` and the shapes of all APIs.
@Suite struct UnroutedRequestsTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Two APIs on one listener, and a place for WebSocket.
    private static func listener() -> (routes: ListenerRoutes, api: any HTTPAnswering) {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.get("plain") { _, _ in Response.text(.ok, "here") }
        router.post("api/rooms") { _, _ in Response.text(.ok, "made") }
        router.get("api/rooms/:id") { _, _ in Response.text(.ok, "found") }
        router.delete("api/rooms/:id") { _, _ in Response.text(.ok, "gone") }
        router.get("v2/things") { _, _ in Response.text(.ok, "things") }
        router.get("ctrl/status") { _, _ in Response.text(.ok, "status") }
        router.post("api/closed") { _, _ in Response(status: .notFound) }
        router.post("api/small") { request, _ in
            var request = request
            return Response.json(try await request.collectBody(upTo: 4))
        }
        let routes = ListenerRoutes(
            [
                ListenerPart(name: .backendsAPI, claims: { ["v2", "ctrl"].contains($0.first) }, shape: .backends()),
                ListenerPart(name: .gateway, claims: { $0.isAtOrBelow("/api/auth") }, shape: .gateway),
                ListenerPart(
                    name: .issuing,
                    claims: { $0.first == "api" },
                    shape: .issuing,
                    maximumBodyBytes: { $0 == "/api/closed" ? nil : 1 << 20 }
                ),
                ListenerPart(name: .sessionChat, claims: { $0 == "/socket" }, speaksWebSocket: true),
            ],
            RouteTable(router.routes.map { ($0.method.rawValue, $0.path.description) }),
            nothingHere: .unknownPath
        )
        return (routes, RouterAPI(router, routes, logger: Self.logger))
    }

    static let cases: [(method: HTTPRequest.Method, path: String, status: Int, allow: String?, body: String)] = [
        (.get, "/plain", 200, nil, "here"),
        (.head, "/plain", 200, nil, ""),
        (.post, "/plain", 405, "GET, HEAD, OPTIONS", "Expected GET, HEAD or OPTIONS here\n"),
        (.delete, "/plain?x=1", 405, "GET, HEAD, OPTIONS", "Expected GET, HEAD or OPTIONS here\n"),
        (.options, "/plain", 204, "GET, HEAD, OPTIONS", ""),
        (.get, "/api/rooms", 405, "POST, OPTIONS", "{\"error\":\"Expected POST or OPTIONS here\"}"),
        (.head, "/api/rooms", 405, "POST, OPTIONS", "{\"error\":\"Expected POST or OPTIONS here\"}"),
        (
            .put, "/api/rooms/7", 405, "GET, HEAD, DELETE, OPTIONS",
            "{\"error\":\"Expected GET, HEAD, DELETE or OPTIONS here\"}"
        ),
        (.options, "/api/rooms/7", 204, "GET, HEAD, DELETE, OPTIONS", ""),
        (.options, "*", 204, "GET, HEAD, OPTIONS", ""),
        (.get, "/api/auth/x", 404, nil, "{\"success\":false,\"error\":\"\(Refusal.unknownPath.text)\"}"),
        (.get, "/api/x", 404, nil, "{\"error\":\"\(Refusal.unknownPath.text)\"}"),
        (.options, "/api/x", 404, nil, "{\"error\":\"\(Refusal.unknownPath.text)\"}"),
        (.get, "/x", 404, nil, Refusal.unknownPath.text + "\n"),
        (.get, "/socket", 426, nil, Refusal.upgradeRequired.text + "\n"),
        (.head, "/socket", 426, nil, Refusal.upgradeRequired.text + "\n"),
        (.post, "/socket", 405, "GET, HEAD, OPTIONS", "Expected GET, HEAD or OPTIONS here\n"),
        (.options, "/socket", 204, "GET, HEAD, OPTIONS", ""),
        (.get, "/v2/x", 404, nil, BackendFailure.notFound.text),
        (.post, "/v2/things", 405, "GET, HEAD, OPTIONS", BackendFailure.wrongMethod.text),
        (.post, "/ctrl/status", 405, "GET, HEAD, OPTIONS", "\"kind\":\"WrongMethod\""),
    ]

    @Test("A wrong method is 405 with Allow, an unknown path 404, each in the words of its API", arguments: Self.cases)
    func answers(method: HTTPRequest.Method, path: String, status: Int, allow: String?, body: String) async throws {
        let answer = try await Answer.of(Self.listener().api, method, path)
        #expect(answer.status == status)
        #expect(answer.headers[.allow] == allow)
        #expect(body.isEmpty ? answer.body.isEmpty : answer.body.contains(body))
    }

    @Test(
        "What was refused before is said in the words of its API, whether there is a route or not",
        arguments: [
            (.post, "/api/rooms", "{\"error\":"), (.post, "/api/auth/x", "{\"success\":false,\"error\":"),
            (.get, "/plain", Refusal.bodyTooLarge.text), (.post, "/v2/things", "\"code\":\"PayloadTooLarge\""),
        ] as [(HTTPRequest.Method, String, String)]
    )
    func refusedBefore(method: HTTPRequest.Method, path: String, part: String) async throws {
        let answer = try await Answer.of(Self.listener().api, method, path, refusing: .bodyTooLarge)
        #expect(answer.status == 413)
        #expect(answer.body.contains(part))
    }

    @Test(
        "No more of a body is waited for than its route reads",
        arguments: [
            (.GET, "/plain", 0), (.HEAD, "/plain", 0), (.GET, "/api/rooms/7", 0), (.DELETE, "/api/rooms/7", 0),
            (.POST, "/api/rooms", 1 << 20), (.POST, "/api/small/", 1 << 20), (.POST, "/api/closed", nil),
            (.POST, "/plain", nil), (.GET, "/nothing", nil), (.POST, "/@connections/x", nil), (.OPTIONS, "/plain", nil),
        ] as [(HTTPMethod, String, Int?)]
    )
    func bodies(method: HTTPMethod, path: String, maximum: Int?) {
        #expect(Self.listener().routes.place(at: path[...]).maximumBodyBytes(for: method) == maximum)
    }

    @Test("What the router's library refuses has words, too")
    func libraryRefusal() async throws {
        let answer = try await Answer.of(Self.listener().api, .post, "/api/small", "too much")
        #expect(answer.line == "413 {\"error\":\"The request body is too large\"}")
    }
}
